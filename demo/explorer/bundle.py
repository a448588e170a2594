"""A bundle: the folder that the export writes and the page opens.

Everything that the page says about a model stands in its `bundle.json`, read by `bundle_format`.
This file holds it against what lies beside it, so that a broken bundle is refused at start, in one
sentence. It says which of the graphs runs, how much of a text is read (what that costs grows with
the square of the text's tokens), and under which title readers choose a model and programs name it.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count
from math import isqrt
from pathlib import Path
from typing import Any

from bundle_format.folder import (
    AGAIN,
    BundleError,
    read_generation,
    read_manifest,
    sha256,
    wrong_files,
)
from bundle_format.generation import Generation
from bundle_format.graphs import MapError, WritingMapError
from bundle_format.schema import DecoderDescription, Example, HeldOutMetrics, Manifest, Pooling
from bundle_format.typed_json import WrongJson, load_object
from bundle_format.values import FILE

CHAT = "chat_template.jinja"
PRECISIONS = ("8bit", "float32")
"""What is preferred comes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """One ONNX file of a bundle, with what its export measured."""

    precision: str
    """`float32` or `8bit`."""
    path: Path
    map_error: MapError
    """How far the 8-bit maps are from float32's, as far as it is known. A decoder's are those of
    its cross-attention, where it has a source."""


def choose_graph(folder: Path, manifest: Manifest, task: str, precision: str | None) -> Graph:
    """The graph of a task (`classify`, `encode`, `generate`) that is to run.

    Raises:
        BundleError: there is none of that precision.
    """
    graphs = manifest.graphs.by_task()[task]
    wanted = [precision] if precision else PRECISIONS
    chosen = next((name for name in wanted if name in graphs), None)
    if chosen is None:
        raise BundleError(
            f"{folder} has no graph of precision {' or '.join(wanted)} to {task} (found: "
            f"{', '.join(graphs)[:80]}). Export it, or leave out --precision"
        )
    entry = graphs[chosen]
    error = entry.map_error
    if isinstance(error, WritingMapError):  # it has maps of two kinds
        error = error.cross_attentions or error.decoder_attentions
    return Graph(precision=chosen, path=folder / entry.file, map_error=error or MapError())


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoder(DecoderDescription):
    """What `bundle.json` and the files of what writes say about it."""

    tokenizer_file: Path
    settings: Generation
    """What its `generation_config.json` says."""
    graph: Graph
    map_layers: tuple[int, ...]
    """Those that have maps, from 0."""

    @property
    def restores(self) -> bool:
        return self.task == "restore"

    @property
    def start_id(self) -> int | None:
        """The token that begins a text for a source; of one alone that on which a text begins for
        which there is nothing to go on from, if it has any such."""
        if not self.alone:
            return self.settings.start
        known = (self.settings.bos_token_id, *self.settings.ends)
        return next((one for one in known if one is not None), None)

    @property
    def target_language(self) -> str:
        """Of what it writes where nobody chooses one, by its code; empty if its settings name
        none."""
        tokens = self.languages.tokens if self.languages else {}
        said = (self.settings.forced_bos_token_id, self.start_id)
        return next((code for one in said for code, token in tokens.items() if token == one), "")

    @property
    def starts_in_language(self) -> bool:
        """Whether a text begins with the token of its language, and not with one before it."""
        return self.languages is not None and self.start_id in self.languages.tokens.values()

    @property
    def longest_learned(self) -> int | None:
        """Words of the longest source that it was trained on, or of older restorers what their
        recipe lets in; None if the bundle does not say."""
        data, recipe = self.checkpoint.data, self.checkpoint.recipe
        if data and data.longest is not None:
            return data.longest
        return recipe.longest if recipe and self.restores else None


def open_decoder(folder: Path, manifest: Manifest, precision: str | None) -> Decoder:
    """The part of a bundle that writes, which has one.

    Raises:
        BundleError: there is no graph of that precision, or its `generation_config.json` does not
            say how a text begins.
    """
    stated = manifest.decoder
    assert stated, "the schema lets nothing write without"
    layers = stated.map_layers or tuple(range(stated.layers))
    return Decoder(
        **{**vars(stated), "map_layers": layers},
        tokenizer_file=folder / stated.folder / "tokenizer.json",
        settings=read_generation(folder, stated),
        graph=choose_graph(folder, manifest, "generate", precision),
    )


MAP_BYTES = 384 * 2**20
"""Of all maps of one text: 512 tokens under 24 layers of 16 heads, as the largest BERT has them."""
CELLS = 1024**2
"""Of one map: 9 MB as numbers in an answer, and as many cells as a picture can show."""
OPERATIONS = 4e11
"""Of one run of the graph: two seconds on two cores, for which everybody else waits."""
_LEAST = 16
"""Tokens that are read however large the model."""


def most_tokens(max_tokens: int, layers: int, maps: int, width: int) -> int:
    """How many tokens of a text are read.

    Args:
        max_tokens: how many the model can read.
        maps: how many a text has.
        width: numbers per token in the hidden state.
    """
    most = min(max_tokens, isqrt(CELLS), isqrt(MAP_BYTES // (4 * maps)))
    in_time = bisect_right(
        range(1, most + 1), OPERATIONS, key=lambda tokens: operations(tokens, layers, width)
    )
    return max(min(most, in_time), min(max_tokens, _LEAST))


def operations(tokens: int, layers: int, width: int) -> int:
    """Multiplications and additions for one text: each layer multiplies each of its tokens by 12
    width x width weights, and by twice its width for each token that it attends to."""
    return 2 * layers * tokens * (12 * width**2 + 2 * width * tokens)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """What `bundle.json` says about a model, checked. Layers and heads are the encoder's counts; of
    a decoder alone its own."""

    folder: Path
    title: str
    licence: str
    task: str | None
    """What its encoder is for, one of `READING_TASKS`; None if it only reads for a decoder."""
    problem_type: str | None
    """What its scores are; None if there is nothing to ask, or nothing is asked yet."""
    labels: tuple[str, ...]
    """Of texts, or of tokens, as `in_sight` writes them; none where there are no labels."""
    temperature: float
    pooling: Pooling | None = None
    """How one vector is made of a text: of what embeds."""
    examples: tuple[Example, ...]
    max_tokens: int
    """How many the model can read; the page may read fewer: see `most_tokens`."""
    layers: int
    map_layers: tuple[int, ...]
    """Those that have maps, from 0."""
    heads: int
    width: int
    """Numbers per token in the hidden state."""
    vocabulary: int
    graph: Graph
    """The encoder's, with the classifier where there is one; of a decoder alone its own."""
    test_metrics: HeldOutMetrics
    decoder: Decoder | None
    """What writes; None if the bundle only classifies."""
    about: str = ""
    """See `Question.about`."""
    sha256: str = ""
    """Of `bundle.json`, in which that of every other file stands."""
    mask: str = ""
    """How its tokenizer writes a masked word, as it says itself."""
    cls: str = ""
    """The token, by its tokenizer's name for it, that stands for a whole text: most begin with it,
    XLNet ends with it. Empty if it has none."""
    pads_left: bool = False
    """Whether the shorter texts of a batch are padded on the left, as its tokenizer says."""

    chat_template: Path | None = None
    """Of a decoder alone: what puts a prompt as the model learned to be asked."""
    token_names: Mapping[str, str] = field(default_factory=dict)
    """Special tokens by what a `tokenizer_config.json` calls them, such as `bos_token`."""

    @property
    def classifies(self) -> bool:
        return self.task == "classify"

    @property
    def writes(self) -> bool:
        return self.decoder is not None

    @property
    def continues(self) -> bool:
        """Whether it is a decoder alone, which goes on from a prompt."""
        return self.decoder is not None and self.decoder.alone

    @property
    def has_all_maps(self) -> bool:
        """Whether each of its layers has maps."""
        return len(self.map_layers) == self.layers

    def does(self, task: str) -> bool:
        """Whether it has a task of `READING_TASKS`, or can `read` texts, or `write`: from a
        `source`, or going on from a `prompt`; or has answers that an analysis can `explain`."""
        more = {
            "read": not self.continues,
            "write": self.writes,
            "source": self.writes and not self.continues,
            "prompt": self.continues,
            "explain": bool(self.task),
        }
        return task == self.task or more.get(task, False)

    @property
    def most_tokens(self) -> int:
        """How many tokens of a text the page reads; of two that are read apart, of each."""
        maps = len(self.map_layers) * self.heads
        if self.task == "embed":  # both stand in one map
            most = most_tokens(2 * self.max_tokens, self.layers, maps, self.width)
            return max(most // 2, min(self.max_tokens, _LEAST))
        most = most_tokens(self.max_tokens, self.layers, maps, self.width)
        if self.task == "fill" or self.continues:
            most = min(most, max(MAP_BYTES // (4 * self.vocabulary), _LEAST))
        return most

    @property
    def most_shown(self) -> int:
        """How many tokens stand in one map, at most."""
        return self.most_tokens * (2 if self.task == "embed" else 1)

    @property
    def tokenizer_file(self) -> Path:
        return self.folder / "tokenizer.json"


def open_bundle(folder: str | Path, precision: str | None = None) -> Bundle:
    """Reads and checks a bundle; the graph of `precision`, or the smallest that there is.

    Raises:
        BundleError: the folder or a file is missing, `bundle.json` is not as its schema says, or
            the bytes of a file are not those that the export wrote.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    decoder = open_decoder(folder, manifest, precision) if manifest.writes else None
    if decoder and decoder.alone:
        graph, map_layers = decoder.graph, decoder.map_layers
    else:
        graph = choose_graph(folder, manifest, manifest.reads, precision)
        map_layers = manifest.map_layers or tuple(range(manifest.sizes.layers))
    for fault in wrong_files(folder, manifest):
        raise BundleError(fault)
    tokenizer = _tokenizer_config(folder)
    return Bundle(
        folder=folder,
        title=in_sight(manifest.title),
        licence=manifest.licence,
        task=None if manifest.reads == "encode" else manifest.reads,
        problem_type=manifest.problem_type,
        labels=tuple(map(in_sight, manifest.labels or ())),
        temperature=manifest.temperature or 1.0,
        pooling=manifest.pooling,
        examples=manifest.examples,
        max_tokens=manifest.max_tokens,
        layers=manifest.sizes.layers,
        map_layers=map_layers,
        heads=manifest.sizes.heads,
        width=manifest.sizes.hidden,
        vocabulary=manifest.sizes.vocabulary,
        graph=graph,
        test_metrics=manifest.metrics.test or HeldOutMetrics(),
        decoder=decoder,
        sha256=sha256(folder / FILE),
        pads_left=tokenizer.get("padding_side") == "left",
        mask=_content(tokenizer.get("mask_token")),
        cls=_content(tokenizer.get("cls_token")),
        chat_template=folder / CHAT if manifest.continues and CHAT in manifest.files else None,
        token_names={
            name: _content(token) for name, token in tokenizer.items() if name.endswith("_token")
        },
    )


_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def in_sight(name: str) -> str:
    """A label, a title or an offered example, with characters that turn the direction of text as
    their numbers, such as `⟨U+202E⟩`: unseen, they make one name read as another wherever it
    stands."""
    return _TURNS.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", name)


def _content(token: object) -> str:
    """A token as a `tokenizer_config.json` has it, a string or an object; empty if it has none."""
    content = token.get("content") if isinstance(token, Mapping) else token
    return content if isinstance(content, str) else ""


def _tokenizer_config(folder: Path) -> dict[str, Any]:
    """Raises BundleError: `tokenizer_config.json` is no JSON object."""
    file = folder / "tokenizer_config.json"
    try:
        return load_object(file.read_bytes())
    except WrongJson as error:
        raise BundleError(f"{file} {str(error)[:330]}. {AGAIN}") from error


def told_apart(bundles: Sequence[Bundle]) -> list[Bundle]:
    """The bundles, in their order, no two of one title.

    Of several that share a title each has its folder in parentheses behind it, with as much of the
    path before the folder's name as they differ in. Where that is not enough, since a folder was
    given twice or another title looks the same, the later ones are numbered.
    """
    shared = Counter(_seen(bundle.title) for bundle in bundles)
    titles: list[str] = []
    for bundle in bundles:
        namesakes = [one.folder for one in bundles if _seen(one.title) == _seen(bundle.title)]
        title = bundle.title
        if shared[_seen(title)] > 1:
            title = f"{title} ({_path_end(bundle.folder, namesakes)})"
        titles.append(_numbered(title, titles))
    return [replace(one, title=title) for one, title in zip(bundles, titles, strict=True)]


def _seen(title: str) -> str:
    """What a reader can tell one title from another by."""
    return " ".join(title.split()).casefold()


def _path_end(folder: Path, folders: Sequence[Path]) -> str:
    """The end of a folder's path that tells it from the others, of as few parts as will do."""
    parts = {one: one.resolve().parts[1:] for one in folders}
    different, longest = set(parts.values()), max(map(len, parts.values()))
    enough = (n for n in range(1, longest) if len({p[-n:] for p in different}) == len(different))
    return "/".join(parts[folder][-next(enough, longest) :])


def _numbered(title: str, taken: Sequence[str]) -> str:
    names = chain([title], (f"{title} {number}" for number in count(2)))
    return next(name for name in names if _seen(name) not in map(_seen, taken))
