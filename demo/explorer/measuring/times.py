"""Every analysis of the page on one text, to see what each takes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from explorer.analyses.faithfulness import faithfulness
from explorer.analyses.generated_text import decoder_head_effects, source_attribution
from explorer.analyses.head_ablation import head_effects, prune
from explorer.analyses.occlusion import occlusion
from explorer.analyses.smallest_flip import smallest_flip
from explorer.analyses.word_pairs import word_pairs
from explorer.inference.cost import run_to_end
from explorer.inference.encoder import EncoderModel
from explorer.inference.generator import TextGenerator
from explorer.inference.logits import Settings
from explorer.measuring.faithfulness import Text

_WRITTEN = 48
"""Tokens that a decoder writes at most."""

Named = Iterator[tuple[str, Callable[[], object]]]


def all_analyses(model: EncoderModel, generator: TextGenerator | None, text: Text) -> Named:
    """All that the page offers for this model and this text by their names, each ready to run."""
    reading = model.read(*text)
    asked = model, reading, reading.likeliest
    if model.bundle.classifies:
        yield "answer and maps", lambda: model.read(*text)
        yield "occlusion", lambda: run_to_end(occlusion(*asked, "deleted"))
        yield "pairs of words", lambda: run_to_end(word_pairs(*asked, "deleted"))
        if model.bundle.problem_type != "regression":
            yield "smallest flip", lambda: run_to_end(smallest_flip(*asked, "deleted"))
        yield "trust", lambda: run_to_end(faithfulness(*asked, "deleted"))
        if model.can_ablate:
            yield "effect of each head", lambda: run_to_end(head_effects(*asked))
            yield "heads one after another", lambda: run_to_end(prune(*asked))
    if generator is not None:
        settings = Settings(max_tokens=_WRITTEN)
        *_, written = generator.write(reading, settings)
        source = source_attribution(model, generator, written)
        heads = decoder_head_effects(generator, written)
        yield "writing", lambda: list(generator.write(reading, settings))
        yield "source words removed", lambda: run_to_end(source)
        yield "effect of the decoder's heads", lambda: run_to_end(heads)


def text_of_length(model: EncoderModel, texts: Sequence[Text], tokens: int) -> Text:
    """The first words of the texts, one after another: as many as make at most so many tokens."""
    words = " ".join(text for text, _ in texts).split()
    few, many = 0, min(len(words), tokens)
    while few < many:
        middle = (few + many + 1) // 2
        encoded = model.encode(" ".join(words[:middle]))
        fits = len(encoded.ids) + encoded.tokens_left_out <= tokens
        few, many = (middle, many) if fits else (few, middle - 1)
    return " ".join(words[:few]), ""


def seconds_of(analyses: Named) -> dict[str, float]:
    """How long each takes, run once."""
    taken = {}
    for name, run in analyses:
        started = time.perf_counter()
        run()
        taken[name] = time.perf_counter() - started
    return taken


def show_times(columns: Mapping[int, Mapping[str, float]]) -> str:
    """Seconds as a Markdown table: a row for each analysis, a column for each number of tokens."""
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    lines = [
        f"| seconds for | {' | '.join(f'{tokens} tokens' for tokens in columns)} |",
        "|---" + "|---:" * len(columns) + "|",
    ]
    for name in names:
        cells = [f"{column[name]:.3g}" if name in column else "" for column in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
