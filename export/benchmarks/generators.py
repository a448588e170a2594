"""Times greedy writing of any family's models beside `generate` of `transformers`, and single steps
of it; a part of `benchmark.py`.

The models have the sizes of GPT-2 and of BART base and random weights, which take as long as any.
All write as many tokens: behind a prompt of `SOURCE` tokens, or from a source of as many, which is
read already.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PreTrainedConfig,
)
from transformers.modeling_outputs import BaseModelOutput

from decoding.rules import Rules
from export.benchmarks.decoder import MAPS, random_source, table_of_speeds
from export.generators.opening import make_decoder_graph
from export.graphs.tracing import silenced
from export.loading.generators import decoder_spec
from export.runtime.session import THREADS, open_session
from export.runtime.strategies import graph_next_logits, lone_next_logits, write_by_rules
from export.runtime.timing import (
    SOURCE,
    median_time,
    table_of_times,
    time_commands,
    time_graph,
    timing_command,
)

SIZES: Mapping[str, Mapping[str, Any]] = {
    "gpt2": {},  # the sizes of its small model are what its config has by itself
    "bart": {
        "d_model": 768,
        "encoder_layers": 6,
        "decoder_layers": 6,
        "encoder_attention_heads": 12,
        "decoder_attention_heads": 12,
        "encoder_ffn_dim": 3072,
        "decoder_ffn_dim": 3072,
    },
}
"""Family -> what its config is told."""
OURS = "onnxruntime, all maps"
THEIRS = {attention: f"transformers' generate, {maps} maps" for attention, maps in MAPS.items()}
_PROMPT = tuple(range(3, 3 + SOURCE))
"""Words of a prompt; ids that every model has."""


def save_random_model(family: str, place: Path) -> tuple[Path, Path]:
    """Writes a model of random weights, seed 0: its folder for `transformers`, and our graph."""
    folder, graph = place / family, place / f"{family}.onnx"
    config = AutoConfig.for_model(family, **SIZES[family])
    torch.manual_seed(0)
    model = _class_for(config).from_config(config, attn_implementation="eager").eval()
    with silenced():
        model.save_pretrained(folder)
    spec, _ = decoder_spec(model)
    onnx.save(make_decoder_graph(model, spec), graph)
    return folder, graph


def table_of_generators(folder: Path, graph: Path, tokens: int, rounds: int) -> str:
    """Tokens a second, as Markdown; `generate` without maps is 1.00."""
    commands = {
        **{
            name: timing_command(time_generate, folder, [tokens], attention=attention)
            for attention, name in THEIRS.items()
        },
        OURS: timing_command(time_writing, graph, [tokens]),
    }
    return table_of_speeds(commands, tokens, rounds, to=THEIRS["sdpa"])


def table_of_generator_steps(folder: Path, graph: Path, pasts: Sequence[int], rounds: int) -> str:
    """Milliseconds of one step after so many tokens, as Markdown; a call of `transformers`' model
    with its cache is 1.00."""
    theirs = "transformers' model, {} maps"
    commands = {
        **{
            theirs.format(maps): timing_command(time_step, folder, pasts, attention=attention)
            for attention, maps in MAPS.items()
        },
        OURS: timing_command(time_graph, graph, pasts),
    }
    times = time_commands(commands, lengths=pasts, rounds=rounds)
    title = f"one step: milliseconds (ratio), fastest of {rounds}"
    columns = {past: f"after {past}" for past in pasts}
    return table_of_times(title, columns, times, to=theirs.format(MAPS["sdpa"]))


def write_with_graph(graph: Path, tokens: int) -> Callable[[], list[int]]:
    """A call that writes so many tokens with a graph, whatever may end a text."""
    session = open_session(graph)
    widths = {value.name: value.shape for value in session.get_inputs()}
    given = [0] if "encoder_hidden_states" in widths else [*_PROMPT]
    rules = Rules(given=len(given), longest=len(given) + tokens)

    def write() -> list[int]:
        if "encoder_hidden_states" not in widths:
            return write_by_rules(lone_next_logits(session), given, rules)
        hidden = random_source(widths["encoder_hidden_states"][2])
        steps = graph_next_logits(session, hidden, np.ones(hidden.shape[:2], np.int64))
        return write_by_rules(steps, given, rules)

    return write


def write_with_generate(folder: Path, tokens: int, *, attention: str) -> Callable[[], list[int]]:
    """The same of `transformers`; it gives maps where `attention` is `eager`, none with `sdpa`."""
    model = _open(folder, attention)
    noted = model.generation_config
    noted.eos_token_id = noted.forced_eos_token_id = noted.forced_bos_token_id = None
    given = _given(model)
    before = given["input_ids"].shape[1] if "input_ids" in given else 1
    write = partial(
        model.generate,
        **given,
        **({} if "input_ids" in given else {"decoder_start_token_id": 0}),
        pad_token_id=0,
        do_sample=False,
        num_beams=1,
        max_new_tokens=tokens,
        use_cache=True,
        output_attentions=attention == "eager",
        return_dict_in_generate=True,
    )

    def written() -> list[int]:
        with silenced():
            ids = write().sequences[0, before:].tolist()
        assert len(ids) == tokens, "all of them write as many tokens"
        return ids

    return written


def call_after(folder: Path, past: int, *, attention: str) -> Callable[[], object]:
    """A call of `transformers`' model with one token more than so many that are in its cache."""
    model = _open(folder, attention)
    given = _given(model)
    named = "decoder_input_ids" if model.config.is_encoder_decoder else "input_ids"
    given = {name: one for name, one in given.items() if name == "encoder_outputs"}
    newest = torch.ones((1, 1), dtype=torch.long)
    with torch.no_grad():
        cache = model(**given, **{named: newest.repeat(1, past)}, use_cache=True).past_key_values

    @torch.no_grad()
    def call() -> object:
        out = model(
            **given,
            **{named: newest},
            past_key_values=cache,
            use_cache=True,
            output_attentions=attention == "eager",
        )
        cache.crop(-1)  # what this call added
        return out

    return call


def _open(folder: Path, attention: str) -> Any:
    torch.set_num_threads(THREADS)
    auto = _class_for(AutoConfig.from_pretrained(folder))
    with silenced():
        return auto.from_pretrained(folder, attn_implementation=attention).eval()


def _class_for(config: PreTrainedConfig) -> Any:
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def _given(model: Any) -> dict[str, Any]:
    """What it goes on from: a prompt; or a source that is read."""
    if not model.config.is_encoder_decoder:
        ids = torch.tensor([_PROMPT])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    hidden = torch.from_numpy(random_source(model.config.d_model))
    ones = torch.ones(hidden.shape[:2], dtype=torch.long)
    return {"encoder_outputs": BaseModelOutput(last_hidden_state=hidden), "attention_mask": ones}


def time_writing(graph: Path, tokens: Sequence[int]) -> dict[int, float]:
    """Milliseconds of writing so many tokens with a graph, for each number."""
    return {count: median_time(write_with_graph(graph, count)) for count in tokens}


def time_generate(folder: Path, tokens: Sequence[int], *, attention: str) -> dict[int, float]:
    """The same by `transformers`' `generate` of a folder."""
    write = partial(write_with_generate, folder, attention=attention)
    return {count: median_time(write(count)) for count in tokens}


def time_step(folder: Path, pasts: Sequence[int], *, attention: str) -> dict[int, float]:
    """Milliseconds of `transformers`' model for one more token, after each number of them."""
    call = partial(call_after, folder, attention=attention)
    return {past: median_time(call(past)) for past in pasts}
