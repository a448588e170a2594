"""What is compared by the benchmark does the same work; its times are nobody's business here."""

from pathlib import Path

import pytest

from export.benchmark import main
from export.benchmark_decoder import save_graphs, write_with_generate, write_with_graph
from export.parts import open_parts
from export.random_checkpoint import save_random_checkpoint
from training.model.config import EncoderConfig
from training.model.decoder_config import DecoderConfig


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


@pytest.mark.slow
def test_all_of_them_write_the_same_text(checkpoint: Path, tmp_path: Path) -> None:
    part = open_parts(str(checkpoint)).decoder
    float32, small = save_graphs(part, tmp_path).values()

    (written,) = write_with_graph(float32, 30)()

    assert len(written) == 30
    assert len(set(written)) > 3, "a text of one word would be the same of any model"
    for maps in (False, True):
        theirs = write_with_generate(checkpoint, 30, maps=maps)()
        assert theirs.sequences[0, 1:].tolist() == written
    assert len(write_with_graph(small, 30)()[0]) == 30


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


@pytest.mark.slow
def test_every_row_of_the_tables_is_printed(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--rounds", "1", "--lengths", "8", "--tokens", "5", "--pasts", "3", "10"]

    assert main([str(checkpoint), *flags]) == 0

    tables = capsys.readouterr().out.split("\n\n")
    rows = [[line.split(" | ")[0] for line in table.splitlines()[2:]] for table in tables]
    ours = ["| onnxruntime, all maps", "| onnxruntime 8 bit, all maps"]
    assert rows == [
        [
            ours[0],
            "| the same without maps",
            "| transformers' sdpa export, no maps",
            ours[1],
            "| PyTorch eager, all maps",
        ],
        ["| transformers' generate, no maps", "| transformers' generate, all maps", *ours],
        ours,
    ]
