"""The loop of both trainings: it prints nothing, and yields a record a step and what came of it.

    batches -> pieces -> losses, gradients -> one step of the optimizer -> records, and a state

Hugging Face Accelerate moves it to a GPU, to several of them or to several machines, and lowers the
precision. A batch is a batch whatever it runs on: it is cut into pieces, one for each process, or
several where one would not fit into memory, and each piece counts by its share of the whole. So the
losses are the same, up to their rounding.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DataLoaderConfiguration, InitProcessGroupKwargs
from torch import Tensor, nn

from training.checkpoints.run_states import RunStates
from training.cli import is_out_of_memory
from training.fit.progress import History, Throughput, TrainStep, check_loss
from training.recipes import uses_bfloat16

# The others wait while one process has a teacher answer, or writes; when it dies, who launched them
# ends them.
_PATIENCE = timedelta(days=7)


class Loss(NamedTuple):
    """What one piece of a batch came to, as its share of the batch."""

    total: Tensor
    """What the gradient is of."""
    shown: Tensor
    """What is reported."""


class Training(ABC):
    """What one of the trainings brings to the loop; its state is saved and found again."""

    steps: int
    objective: nn.Module
    """Holds what learns. Called with a piece of a batch and what `whole` gave: a `Loss`."""
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    learning: Sequence[nn.Parameter]
    """Their gradient is scaled down to the recipe's length."""
    recipe: Any
    event: type
    """The dataclass that `after` yields."""

    @abstractmethod
    def batches(self) -> Iterator[Any]:
        """All batches of the training, named tuples of tensors, the same at every call."""

    @abstractmethod
    def whole(self, batch: Any) -> Any:
        """What a piece has to know of its whole batch: what its losses are shares of."""

    @abstractmethod
    def tokens(self, batch: Any) -> int:
        """Real ones, which the throughput counts."""

    @abstractmethod
    def after(self, batch: Any, loss: float, throughput: Throughput) -> Iterator[Any]:
        """Called when a step is done; now and then it has something to tell."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that changes from step to step, beside weights, optimizer and schedule."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes it up again."""


def make_accelerator(*, cpu: bool | None = None, accumulate: int = 1, **more: Any) -> Accelerator:
    """Accelerate as this loop uses it: whole batches, cut here, and one step of the schedule each.

    Args:
        cpu: stays off a GPU; None: where there is none.
        accumulate: pieces that a process takes its share of a batch in.
        more: what else `Accelerator` takes.
    """
    cpu = not torch.cuda.is_available() if cpu is None else cpu
    bfloat16 = uses_bfloat16(torch.device("cpu" if cpu else "cuda"))
    # Accelerate remembers the first precision of a process, and refuses any other.
    AcceleratorState._reset_state()
    return Accelerator(
        cpu=cpu,
        mixed_precision="bf16" if bfloat16 else "no",
        gradient_accumulation_steps=accumulate,
        dataloader_config=DataLoaderConfiguration(split_batches=True),
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
        **more,
    )


def run(
    training: Training, accelerator: Accelerator | None = None, states: RunStates | None = None
) -> Iterator[Any]:
    """Trains; yields a `TrainStep` each step, and what the training has to tell.

    Where there is a state to go on from, all that was yielded up to there is yielded again.

    Raises:
        ArithmeticError: the loss is no longer a number, or grows without end.
        MemoryError: a step does not fit into memory.
    """
    accelerator = accelerator or make_accelerator()
    step = Stepper(training, accelerator)
    throughput, history = Throughput(training.steps), History(training.event)
    accelerator.register_for_checkpointing(throughput, training, history)
    batches = training.batches()
    if states is not None:
        for _ in range(states.load(accelerator)):
            next(batches)
    yield from history.events
    losses = [event.loss for event in history.events if isinstance(event, TrainStep)]
    for batch in batches:
        rate = float(training.schedule.get_last_lr()[0])
        with throughput.counting(training.tokens(batch)):
            loss, due = step(batch, due=states is not None and states.due())
        losses.append(loss)
        check_loss(losses, training.steps, training.recipe.learning_rate)
        events = [throughput.record(loss, rate), *training.after(batch, loss, throughput)]
        yield from events
        history.events += events
        if states is not None and due:
            states.save(accelerator, throughput.done)


class Stepper:
    """Takes steps of the optimizer, each down the gradient of one batch."""

    def __init__(self, training: Training, accelerator: Accelerator) -> None:
        self.training, self.accelerator = training, accelerator
        parts = (training.objective, training.optimizer, training.schedule)
        self.objective, self.optimizer, self.schedule = accelerator.prepare(*parts)

    def __call__(self, batch: Any, *, due: bool = False) -> tuple[float, bool]:
        """The loss of the whole batch, and whether a state is `due` in the main process.

        Raises MemoryError: the step does not fit.
        """
        accelerator = self.accelerator
        pieces = accelerator.num_processes * accelerator.gradient_accumulation_steps
        try:
            batch = batch.to(accelerator.device)
            whole = self.training.whole(batch)
            losses = [self._learn(piece, whole, pieces) for piece in self._cut(batch)]
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            rows, width = batch[0].shape
            raise MemoryError(
                f"a step of {rows} rows of {width} tokens in {pieces} "
                f"{'piece' if pieces == 1 else 'pieces'}: {str(error)[:100] or 'MemoryError'}"
            ) from error
        shown = torch.stack(losses).sum()
        told = torch.stack([shown, torch.full_like(shown, due and accelerator.is_main_process)])
        loss, asked = accelerator.reduce(told, "sum").tolist()
        return loss, asked > 0

    def _learn(self, piece: tuple[Any, bool], whole: Any, pieces: int) -> Tensor:
        """Adds a piece's gradient, and with the last piece goes down their sum."""
        accelerator, training = self.accelerator, self.training
        rows, counts = piece
        with accelerator.accumulate(self.objective):
            loss = self.objective(rows, whole)
            # Accelerate takes the mean over processes and pieces; a batch's loss is their sum.
            accelerator.backward(loss.total * (pieces if counts else 0))
            if accelerator.sync_gradients:
                longest = training.recipe.max_gradient_norm
                clip_gradients(accelerator, training.learning, longest)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad()
        return loss.shown.detach() * counts

    def _cut(self, batch: Any) -> Iterator[tuple[Any, bool]]:
        """This process's pieces, and whether they count: of too few rows one is taken twice."""
        accelerator = self.accelerator
        number = accelerator.gradient_accumulation_steps
        if accelerator.num_processes * number == 1:
            yield batch, True
            return
        rows = torch.arange(len(batch[0]))
        with accelerator.split_between_processes(rows) as own:
            for chosen in own.tensor_split(number):
                some = chosen if len(chosen) else rows[:1]
                cut = [None if t is None else t[some.to(t.device)] for t in batch]
                yield type(batch)(*cut), bool(len(chosen))


def clip_gradients(
    accelerator: Accelerator, weights: Sequence[nn.Parameter], longest: float
) -> None:
    """Scales all gradients down where together they are longer; of a sparse one its rows."""
    shown = []
    for weight in weights:
        if weight.grad is not None and weight.grad.is_sparse:
            weight.grad = weight.grad.coalesce()
            stands_for = nn.Parameter(weight.grad.values())  # the same memory
            stands_for.grad = weight.grad.values()
            shown.append(stands_for)
        else:
            shown.append(weight)
    accelerator.clip_grad_norm_(shown, longest)
