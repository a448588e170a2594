"""Writes greedily, always the likeliest token, by one loop for torch and for onnxruntime.

Both are asked step by step, with their caches, in float32. A graph also writes by beam search.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnxruntime
from onnxruntime import OrtValue
from scipy.special import log_softmax

from bundle_format.generation import Generation
from decoding.beams import BeamSearch
from decoding.rules import Rules
from export.graphs.names import empty_cache, input_names, present_name

NextLogits = Callable[[np.ndarray], np.ndarray]
"""Takes the newest token of every text, (batch, 1), and scores the next, (batch, vocabulary)."""


def write_greedily(
    step: NextLogits, batch: int, *, start: int, end: int | None, most: int
) -> list[list[int]]:
    """The token ids of each text of a batch, without `start` and `end`, at most `most` of them.

    `end` is None for texts that are not to end by themselves.
    """
    newest = np.full((batch, 1), start, np.int64)
    written: list[np.ndarray] = []
    ended = np.zeros(batch, bool)
    for _ in range(most):
        newest = step(newest).argmax(axis=-1)[:, None]
        written.append(newest)
        ended |= newest[:, 0] == end
        if ended.all():
            break
    rows = np.concatenate(written, axis=1).tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def write_by_rules(step: NextLogits, given: Sequence[int], rules: Rules) -> list[int]:
    """The token ids of one text behind what is given, the end among them, as `generate` has them.

    Args:
        step: takes the newest tokens of the one text, (1, new), at first all that is given.
        given: the start token, or a prompt.
    """
    ids, newest = list(given), list(given)
    longest = rules.longest or len(ids)
    while len(ids) < longest:
        scores = rules.apply(step(np.array([newest], np.int64))[0], ids)
        newest = [int(scores.argmax())]
        ids += newest
        if newest[0] in rules.ends:
            break
    return ids[len(given) :]


def write_by_beams(
    steps: "GraphSteps", given: Sequence[int], rules: Rules, settings: Generation, beams: int
) -> list[int]:
    """As `write_by_rules`, by a search that keeps so many beginnings."""
    search = BeamSearch[int](given, rules, settings, beams=beams)
    while search.running:
        logits = steps(search.newest)
        rows = search.choose([*log_softmax(logits, axis=-1)], lambda _, token: token)
        if rows:
            steps.follow(rows)
    return list(search.best.notes) if search.best else []


class GraphSteps:
    """The steps of a decoder's graph on a batch, each with the cache of those before; all maps are
    fetched at each of them. Keys and values stay in onnxruntime from step to step; a graph that
    takes none reads all tokens again.

    Args:
        beside: gives the inputs of a step over tokens `start` to `stop` of so many texts, but for
            the tokens and the past.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        batch: int,
        beside: Callable[[int, int, int], Mapping[str, OrtValue]],
    ) -> None:
        self._session, self._beside = session, beside
        outputs = [value.name for value in session.get_outputs()]
        self._seen = [name for name in outputs if not name.startswith("present.")]
        self._past = {
            name: OrtValue.ortvalue_from_numpy(empty)
            for name, empty in empty_cache(session, batch).items()
        }
        self._presents = [present_name(name) for name in self._past]
        self._ids = np.zeros((batch, 0), np.int64)

    def __call__(self, newest: np.ndarray) -> np.ndarray:
        """As `NextLogits`."""
        self._ids = np.concatenate([self._ids, newest], axis=1)
        stop = self._ids.shape[1]
        start = stop - newest.shape[1] if self._past else 0
        given = self._beside(start, stop, len(newest))
        ids = OrtValue.ortvalue_from_numpy(self._ids[:, start:])
        feed = {"input_ids": ids, **given, **self._past}
        found = self._session.run_with_ort_values([*self._seen, *self._presents], feed)
        self._past.update(zip(self._past, found[len(self._seen) :], strict=True))
        outputs = {name: one.numpy() for name, one in zip(self._seen, found, strict=False)}
        return np.asarray(outputs["logits"][:, -1])

    def follow(self, rows: Sequence[int]) -> None:
        """Makes a new batch, whose text i goes on from text `rows[i]` of this one."""
        self._ids = self._ids[list(rows)]
        for name, value in self._past.items():
            self._past[name] = OrtValue.ortvalue_from_numpy(value.numpy()[list(rows)])


def graph_next_logits(
    session: onnxruntime.InferenceSession, hidden: np.ndarray, mask: np.ndarray
) -> GraphSteps:
    """The steps on a batch of sources, or of several texts from one.

    Args:
        hidden: the encoder's, (batch, source, hidden).
        mask: 1 for a real token, (batch, source).
    """
    source = {"encoder_hidden_states": hidden, "encoder_attention_mask": mask}
    made: dict[int, dict[str, OrtValue]] = {}

    def beside(_: int, __: int, texts: int) -> dict[str, OrtValue]:
        if texts not in made:
            rows = [*range(len(hidden))] if texts == len(hidden) else [0] * texts
            made[texts] = {
                name: OrtValue.ortvalue_from_numpy(array[rows]) for name, array in source.items()
            }
        return made[texts]

    return GraphSteps(session, len(hidden), beside)


def lone_next_logits(session: onnxruntime.InferenceSession) -> GraphSteps:
    """The steps of the graph of a decoder alone on one prompt."""
    tells_positions = "position_ids" in input_names(session)

    def beside(start: int, stop: int, texts: int) -> dict[str, OrtValue]:
        places = np.arange(start, stop)[None].repeat(texts, axis=0)
        given = {"attention_mask": np.ones((texts, stop), np.int64)}
        given |= {"position_ids": places} if tells_positions else {}
        return {name: OrtValue.ortvalue_from_numpy(array) for name, array in given.items()}

    return GraphSteps(session, 1, beside)
