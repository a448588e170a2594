"""What is compared by the benchmark does the same work; its times are nobody's business here."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch

from export import benchmark
from export.benchmark import main, save_random_checkpoint
from export.benchmarks import generators
from export.benchmarks.corpus import save_table, table_of_corpus, time_pipeline, time_report
from export.benchmarks.decoder import save_graphs, write_with_generate, write_with_graph
from export.benchmarks.encoder import (
    ALL_MAPS,
    FAITHFUL_GRAPH,
    FAST_GRAPH,
    NO_MAPS,
    OPENED,
    OPTIMUM,
    ROOFLINE,
    TORCH,
    padded_batches,
    save_encoders,
)
from export.benchmarks.rivals import operations
from export.loading.checkpoint import load_checkpoint
from export.runtime import timing
from export.runtime.session import open_session
from training.model.config import DecoderConfig, EncoderConfig


@pytest.fixture(autouse=True)
def threads_of_torch() -> Iterator[None]:
    """A benchmark gives torch two threads; another number of them sums in another order, and what
    is compared bit for bit in the same process would differ."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoint(tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "random"
    size = {
        "vocab_size": len(tokenizer), "hidden_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 40,
        "initializer_range": 0.5,
    }  # fmt: skip
    save_random_checkpoint(
        folder, tokenizer, encoder=EncoderConfig(**size), decoder=DecoderConfig(**size)
    )
    return folder


@pytest.fixture(scope="module")
def encoder_files(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The float32 graphs that the benchmark times."""
    place = tmp_path_factory.mktemp("graphs")
    return save_encoders(load_checkpoint(str(checkpoint)).encoder, place, [place / "8 bit.onnx"])


@pytest.mark.slow
def test_all_of_them_write_the_same_text(checkpoint: Path, tmp_path: Path) -> None:
    part = load_checkpoint(str(checkpoint)).decoder
    float32, small = save_graphs(part, tmp_path).values()

    (written,) = write_with_graph(float32, 30)()

    assert len(written) == 30
    assert len(set(written)) > 3, "a text of one word would be the same of any model"
    for attention in ("sdpa", "eager"):
        theirs = write_with_generate(checkpoint, 30, attention=attention)()
        assert theirs.sequences[0, 1:].tolist() == written
    assert len(write_with_graph(small, 30)()[0]) == 30


TINY_SIZES = {
    "gpt2": {
        "n_embd": 20, "n_layer": 2, "n_head": 4, "n_positions": 64, "vocab_size": 59,
        "bos_token_id": 1, "eos_token_id": 2,
    },
    "bart": {
        "d_model": 20, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
        "vocab_size": 59, "max_position_embeddings": 64,
    },
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("family", TINY_SIZES)
def test_models_of_other_families_write_the_same_text_too(
    family: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_this_process: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(generators, "SIZES", TINY_SIZES)
    folder, graph = generators.save_random_model(family, tmp_path)
    written = generators.write_with_graph(graph, 9)()
    assert len(written) == 9
    for attention in ("sdpa", "eager"):
        assert generators.write_with_generate(folder, 9, attention=attention)() == written

    monkeypatch.setattr(benchmark, "SIZES", [family])
    flags = ["--tokens", "5", "--pasts", "3", "7", "--rounds", "1"]
    assert main(["--part", "generate", *flags]) == 0

    told = capsys.readouterr().out
    assert told.count("onnxruntime, all maps") == 2
    assert "| transformers' model, no maps | 1000.00 (1.00) | 1000.00 (1.00) |" in told
    assert sorted(set(in_this_process)) == [
        "export.benchmarks.generators:time_generate",
        "export.benchmarks.generators:time_step",
        "export.benchmarks.generators:time_writing",
        "export.runtime.timing:time_graph",
    ]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tokens", "41"], "41 tokens are more than the 40 that the decoder takes"),
        (["--pasts", "3", "40"], "41 tokens are more than the 40 that the decoder takes"),
    ],
)
def test_more_than_the_decoder_takes_is_refused(
    checkpoint: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--tokens", "5", "--pasts", "3"]

    assert main([str(checkpoint), "--part", "decoder", *small, *flags]) == 2

    assert message in capsys.readouterr().err


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs each measurement here, with a clock that says one second for every call.

    Gives the functions that ran, in their order.
    """
    clock = SimpleNamespace(perf_counter=count(0.0).__next__)
    monkeypatch.setattr(timing, "time", clock)
    ran: list[str] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        python, flag, module, *flags = command
        assert (python, flag) == (sys.executable, "-m")
        ran.append(flags[0])
        with redirect_stdout(StringIO()) as printed:
            assert import_module(module).main(flags) == 0
        return SimpleNamespace(stdout=printed.getvalue())

    monkeypatch.setattr(timing.subprocess, "run", run)
    return ran


def first_cells(table: str) -> list[str]:
    return [line.removeprefix("| ").split(" | ")[0] for line in table.splitlines()[2:]]


@pytest.mark.slow
def test_reading_is_timed_beside_every_alternative(
    checkpoint: Path,
    encoder_files: dict[str, Path],
    in_this_process: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stand_in = str(encoder_files[ALL_MAPS])

    flags = ["--part", "encoder", "--rounds", "2", "--lengths", "8", "12"]
    given = ["--optimum", stand_in, "--quantized", stand_in]
    assert main([str(checkpoint), *flags, *given]) == 0

    reading, goals = capsys.readouterr().out.split("\n\n")
    rows = first_cells(reading)
    openvino = [row for row in rows if row.startswith("OpenVINO")]
    assert len(openvino) == (4 if find_spec("openvino") else 0)
    assert rows == [
        f"onnxruntime 8 bit, {stand_in}, all maps",
        *(ALL_MAPS, *NO_MAPS.values(), OPENED, OPTIMUM, TORCH, *openvino, ROOFLINE),
    ]
    assert reading.count("1000.0 (1.00)") == 2 * (len(rows) - 1), "all but the floor"
    assert len(in_this_process) == 2 * len(rows), "a process of its own for each, in each round"
    compared = "".join(row[1] for row in first_cells(goals) if row.startswith("("))
    assert compared == ("abccdd" if openvino else "abcc")


@pytest.mark.slow
def test_graphs_without_maps_answer_as_the_one_with_them(encoder_files: dict[str, Path]) -> None:
    ids = np.random.default_rng(0).integers(0, 60, (2, 9))
    mask = np.ones_like(ids)
    mask[1, 5:] = 0
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": 0 * ids}

    expected = open_session(encoder_files[ALL_MAPS]).run(["logits"], feed)[0]

    assert np.ptp(expected) > 1e-3
    for name in NO_MAPS.values():
        session = open_session(encoder_files[name])
        assert [value.name for value in session.get_outputs()] == ["logits"]
        np.testing.assert_allclose(session.run(None, feed)[0], expected, atol=1e-5)
    opened = open_session(encoder_files[OPENED]).run(["logits"], feed)[0]
    np.testing.assert_allclose(opened, expected, atol=1e-5)


@pytest.mark.slow
def test_batches_are_timed_padded_by_length_and_one_by_one(
    checkpoint: Path, in_this_process: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(checkpoint), "--part", "batches", "--rounds", "1"]) == 0

    table = capsys.readouterr().out.strip()
    assert "texts a second" in table
    assert "| all 64 padded to the longest | by length, 16 at a time | by length, 8" in table
    assert table.splitlines()[0].endswith("| one by one |")
    assert first_cells(table) == [ALL_MAPS, FAITHFUL_GRAPH, FAST_GRAPH]
    assert [line.count("| 64") for line in table.splitlines()[2:]] == [4, 4, 4]
    assert set(in_this_process) == {"export.benchmarks.encoder:time_batches"}


def test_batches_hold_each_text_once_and_no_more_padding_than_the_longest_of_each() -> None:
    lengths = [5, 30, 7, 6, 29]

    two = padded_batches(lengths, 2)

    assert [mask.sum(axis=1).tolist() for mask in two] == [[5, 6], [7, 29], [30]]
    assert [mask.shape[1] for mask in two] == [6, 29, 30]
    (whole,) = padded_batches(lengths, 5)
    assert whole.shape == (5, 30)


@pytest.mark.slow
def test_the_products_of_a_graph_are_counted_from_its_shapes(
    encoder_files: dict[str, Path],
) -> None:
    tokens, width, inner, heads = 11, 16, 24, 2
    depth = width // heads

    found = operations(onnx.load(encoder_files[ALL_MAPS]), tokens)

    wider = heads * (depth + 1)  # queries and keys have a column for the padding
    matrices = [wider, wider, width, width, inner]
    by_hand = [tokens * width * columns for columns in matrices]
    by_hand += [tokens * inner * width]
    by_hand += [heads * tokens * tokens * (depth + 1), heads * tokens * tokens * depth]
    by_hand += [heads * tokens * depth * depth, width * width, width * 2]  # norms, pooler, head
    assert found == 2 * sum(by_hand)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--lengths", "8", "41"], "that the encoder reads; give less with --lengths"),
        (["--optimum", "missing.onnx"], "missing.onnx is no file; give the ONNX graph itself"),
        (["--quantized", "missing.onnx"], "missing.onnx is no file; give the ONNX graph itself"),
    ],
)
def test_what_cannot_be_timed_is_refused(
    checkpoint: Path, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(checkpoint), "--part", "encoder", *flags]) == 2

    assert message in capsys.readouterr().err


def test_a_measurement_that_fails_is_named(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    commands = {"one": timing.timing_command(timing.time_graph, broken, [8])}

    with pytest.raises(subprocess.CalledProcessError) as found:
        timing.time_commands(commands, lengths=[8], rounds=1)

    assert "broken.onnx" in found.value.stderr


@pytest.mark.slow
def test_writing_is_timed_beside_generate(
    checkpoint: Path, in_this_process: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--part", "decoder", "--rounds", "1", "--tokens", "5", "--pasts", "3", "10"]

    assert main([str(checkpoint), *flags]) == 0

    writing, steps = capsys.readouterr().out.strip().split("\n\n")
    ours = ["onnxruntime, all maps", "onnxruntime 8 bit, all maps"]
    theirs = ["transformers' generate, no maps", "transformers' generate, all maps"]
    assert first_cells(writing) == [*theirs, *ours]
    assert first_cells(steps) == ours
    timed = {one.split(":")[1] for one in in_this_process}
    assert timed == {"time_generate", "time_writing", "time_graph"}


def test_a_table_goes_through_the_report_and_through_the_pipeline(
    checkpoint: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "texts.csv"
    save_table(table, 5)
    bundle = Path(__file__).parents[1] / "demo" / "tiny_bundle"

    times = [
        time_report(bundle, [5], table=str(table), precision="float32"),
        time_pipeline(
            checkpoint / "encoder", [5], table=str(table), size="2", order="as they come"
        ),
        time_pipeline(checkpoint / "encoder", [5], table=str(table), size="2", order="by length"),
    ]

    assert all(time.keys() == {5} for time in times)


def test_a_report_is_compared_with_the_pipeline_at_its_best() -> None:
    speeds = {"report, 8bit": 300.0, "pipeline, 8": 100.0, "pipeline, 32": 150.0}

    assert table_of_corpus(speeds, 1000, 2).splitlines() == [
        "| 1000 sentences, fastest of 2 | texts a second | to the pipeline's best |",
        "|---|---:|---:|",
        "| report, 8bit | 300 | 2.00 |",
        "| pipeline, 8 | 100 | 0.67 |",
        "| pipeline, 32 | 150 | 1.00 |",
    ]
