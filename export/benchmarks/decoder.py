"""Times greedy writing, and single steps of it; a part of `benchmark.py`.

Every one writes as many tokens from the same kind of source, which is read already: what the
encoder takes is in no number here.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from transformers import EncoderDecoderModel
from transformers.modeling_outputs import BaseModelOutput

from export.graphs.decoder import trace_decoder
from export.graphs.tracing import silenced
from export.loading.checkpoint import LoadedDecoder
from export.quantize.graph import quantize
from export.quantize.schemes import DECODER
from export.runtime.session import THREADS, open_session
from export.runtime.strategies import graph_next_logits, write_greedily
from export.runtime.timing import (
    SOURCE,
    median_time,
    ratios,
    table_of_times,
    time_commands,
    time_graphs,
    timing_command,
)

MAPS = {"sdpa": "no", "eager": "all"}
"""How `transformers` computes attention -> whether it gives the maps."""
GENERATE, WITH_MAPS = (f"transformers' generate, {maps} maps" for maps in MAPS.values())


def save_graphs(part: LoadedDecoder, place: Path) -> dict[str, Path]:
    """Writes both graphs into a folder: name in the tables -> file."""
    graph = trace_decoder(part.model.decoder, part.model.bridge)
    models = {
        "onnxruntime, all maps": graph,
        "onnxruntime 8 bit, all maps": quantize(graph, DECODER),
    }
    files = {}
    for number, (name, model) in enumerate(models.items()):
        files[name] = place / f"decoder_{number}.onnx"
        onnx.save(model, files[name])
    return files


def table_of_writing(graphs: Mapping[str, Path], folder: Path, tokens: int, rounds: int) -> str:
    """Tokens a second, as Markdown; `transformers`' `generate` is 1.00.

    Args:
        folder: the checkpoint, for `transformers`.
        tokens: how many each writes.
    """
    commands = {
        GENERATE: timing_command(time_generate, folder, [tokens], attention="sdpa"),
        WITH_MAPS: timing_command(time_generate, folder, [tokens], attention="eager"),
        **{name: timing_command(time_writing, path, [tokens]) for name, path in graphs.items()},
    }
    return table_of_speeds(commands, tokens, rounds, to=GENERATE)


def table_of_speeds(
    commands: Mapping[str, Sequence[str]], tokens: int, rounds: int, *, to: str
) -> str:
    """Tokens a second of what writes so many of them, as Markdown.

    Args:
        to: the name whose ratio is 1.00.
    """
    times = time_commands(commands, lengths=[tokens], rounds=rounds)
    rows = [
        f"| writing {tokens} tokens greedily, fastest of {rounds} | tokens a second | ratio |",
        "|---|---:|---:|",
    ]
    for name, of_length in times.items():
        speed = 1000 * tokens / min(of_length[tokens])
        ratio = ratios(times, to, to=name)[tokens]
        rows.append(f"| {name} | {speed:.0f} | {ratio:.2f} |")
    return "\n".join(rows)


def table_of_steps(graphs: Mapping[str, Path], pasts: Sequence[int], rounds: int) -> str:
    """Milliseconds of one step after so many tokens, as Markdown; float32 is 1.00."""
    times = time_graphs(graphs, lengths=pasts, rounds=rounds)
    title = f"one step: milliseconds (ratio), fastest of {rounds}"
    columns = {past: f"after {past}" for past in pasts}
    return table_of_times(title, columns, times, to=next(iter(times)))


def write_with_graph(path: Path, tokens: int) -> Callable[[], object]:
    """A call that writes so many tokens with a decoder's graph, whatever the end token says."""
    session = open_session(path)
    widths = {value.name: value.shape for value in session.get_inputs()}
    hidden = random_source(widths["encoder_hidden_states"][2])
    mask = np.ones(hidden.shape[:2], np.int64)

    def write() -> list[list[int]]:
        steps = graph_next_logits(session, hidden, mask)
        return write_greedily(steps, 1, start=0, end=None, most=tokens)

    return write


def write_with_generate(folder: Path, tokens: int, *, attention: str) -> Callable[[], object]:
    """The same of `transformers`; it gives maps where `attention` is `eager`, none with `sdpa`."""
    maps = attention == "eager"
    torch.set_num_threads(THREADS)
    model = _open_in_transformers(folder, attention)
    model.generation_config.eos_token_id = None  # it is to write all of them
    hidden = torch.from_numpy(random_source(model.config.encoder.hidden_size))
    write = partial(
        model.generate,
        encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
        attention_mask=torch.ones(hidden.shape[:2], dtype=torch.long),
        decoder_start_token_id=0,
        pad_token_id=0,
        do_sample=False,
        num_beams=1,
        max_new_tokens=tokens,
        use_cache=True,
        output_attentions=maps,
        return_dict_in_generate=True,
    )
    found = write()
    assert found.sequences.shape == (1, tokens + 1), "all of them write as many tokens"
    assert len(found.cross_attentions or ()) == (tokens if maps else 0), "maps where they are asked"
    return write


def _open_in_transformers(folder: Path, attention: str) -> Any:
    found: Any
    with silenced():
        if (folder / "encoder").is_dir():
            found = EncoderDecoderModel.from_encoder_decoder_pretrained(
                str(folder / "encoder"),
                str(folder / "decoder"),
                encoder_attn_implementation=attention,
                decoder_attn_implementation=attention,
            )
        else:
            found = EncoderDecoderModel.from_pretrained(folder, attn_implementation=attention)
    return found.eval()


def random_source(width: int) -> np.ndarray:
    """Hidden states of a source of `SOURCE` tokens, (1, source, width)."""
    return np.random.default_rng(0).standard_normal((1, SOURCE, width), np.float32)


def time_writing(graph: Path, tokens: Sequence[int]) -> dict[int, float]:
    """Milliseconds of writing so many tokens with a decoder's graph, for each number."""
    return {count: median_time(write_with_graph(graph, count)) for count in tokens}


def time_generate(folder: Path, tokens: Sequence[int], *, attention: str) -> dict[int, float]:
    """The same by `transformers`' `generate` of a checkpoint."""
    write = partial(write_with_generate, folder, attention=attention)
    return {count: median_time(write(count)) for count in tokens}
