"""What tests of more than one folder need. Nothing here imports torch: tests/demo runs without."""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

# Read when onnxruntime is imported, which a test may do before a part of ours.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:
    # Each worker has a core to itself: torch's threads would take the others'. Set before torch is
    # imported, which reads it once.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

WORDS = "a the film is not bad good dull bright story and but it was great . , ! ? ' “ ”".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"


SHAPES_CHECKED = ("training", "export")
IMPORTED_BY_OURS = (
    *("accelerate", "beartype", "onnxruntime.quantization", "onnxscript", "sacrebleu"),
    *("scipy.stats", "sklearn.feature_extraction.text", "sklearn.linear_model"),
    *(
        "torch.distributed.tensor",
        "torch.onnx",
        "transformers.generation",
        "transformers.pipelines",
    ),
)

# A page in Chromium, a trace or a training each: begun last, one keeps a worker busy alone.
LONG = ("demo/browser/", "demo/report/", "export/", "training/test_")


def pytest_configure(config: pytest.Config) -> None:
    """Files are handed out in the order of the items: xdist begins with those of many tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    items.sort(key=lambda item: not item.path.relative_to(here).as_posix().startswith(LONG))


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """Every test of these folders is a shape test too."""
    if module_path.relative_to(Path(__file__).parent).parts[0] in SHAPES_CHECKED:
        check_shapes()


@cache
def check_shapes() -> None:
    """Has the shapes in the signatures of our code checked at each call, from its import on."""
    from jaxtyping import install_import_hook

    # What a module of ours is the first to import, the hook has compiled each time as that module.
    for name in IMPORTED_BY_OURS:
        import_module(name)
    install_import_hook(SHAPES_CHECKED, "beartype.beartype")


@pytest.fixture(scope="session")
def skip_for_want() -> Callable[[str], None]:
    """Skips a test for want of a tool; where all tools are promised, that is a failure."""

    def skip(reason: str) -> None:
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(f"REQUIRE_ALL=1, but this test {reason}")
        pytest.skip(reason)

    return skip


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory):
    """A small BERT tokenizer: some words, and every letter so that none is unknown."""
    from transformers import BertTokenizer

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    pieces += [letter for letter in LETTERS if letter not in pieces]
    pieces += [f"##{letter}" for letter in LETTERS]
    vocabulary: Path = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
    vocabulary.write_text("\n".join(pieces), encoding="utf-8")
    return BertTokenizer(str(vocabulary), model_max_length=32)


@pytest.fixture(scope="session")
def byte_level_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `tokenizer.json` of a small RoBERTa: byte-level BPE, trained on a sentence, one emoji."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the film is not bad, a great 😍 and story"] * 20, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return _saved(tokenizer, tmp_path_factory.mktemp("byte_level"))


@pytest.fixture(scope="session")
def unigram_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `tokenizer.json` of a small XLM-R: SentencePiece's unigram model, some words, letters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    pieces = ["▁", *(f"▁{word}" for word in WORDS), *LETTERS, *".,!?'é好电影😍", "电影", "ing"]
    scored = [(piece, -float(place)) for place, piece in enumerate(dict.fromkeys(pieces), 2)]
    special = [(name, 0.0) for name in ("<s>", "<pad>", "</s>", "<unk>")]
    tokenizer = Tokenizer(models.Unigram([*special, *scored, ("<mask>", 0.0)], unk_id=3))
    tokenizer.add_special_tokens([name for name, _ in special] + ["<mask>"])
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return _saved(tokenizer, tmp_path_factory.mktemp("unigram"))


def _saved(tokenizer: Any, folder: Path) -> Path:
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"
