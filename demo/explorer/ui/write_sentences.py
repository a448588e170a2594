"""What the Write tab says. No reader's text stands here."""

from explorer.analyses.noise import Repair
from explorer.bundle.bundle import Bundle, Decoder
from explorer.bundle.schema import WritingMetrics
from explorer.inference.generator import Generation
from explorer.maps.head_types import HeadType
from explorer.maps.view import MapView
from explorer.ui import sentences
from explorer.ui.sentences import Notes, about_map

CAUTION = (
    "**How to read it.** A row is a written word; its columns are what the decoder looked at when "
    "it chose that word. Probabilities are the model's own, over its whole vocabulary, before "
    "temperature, top-k or a penalty changes them. Attention shows where information was routed, "
    "not why a word was chosen."
)

SPOILED = "The sentence as it was, with what was spoiled of it:"
UNSPOILED = "Nothing was spoiled: this text has no word that could be."

NO_NORMS = "The decoder's graph gives no norms for its look back at what it wrote."


def asked(decoder: Decoder) -> str:
    """What a reader is to give; empty where the bundle does not say what its decoder learned."""
    if not decoder.restores:
        return ""
    return (
        "A sentence with words that are masked, missing, swapped or mistyped. The model writes it "
        "clean."
    )


def sizes(bundle: Bundle) -> str:
    """The decoder's sizes, and which graph runs where it is of another kind than the encoder's;
    empty if there is none."""
    decoder = bundle.decoder
    if decoder is None:
        return ""
    other = decoder.graph.precision != bundle.graph.precision
    graph = f", {sentences.which_graph(decoder.graph)}" if other else ""
    return f"writes with {decoder.layers} layers × {decoder.heads} heads{graph}"


def worth(decoder: Decoder | None) -> str:
    """What its texts were worth on unseen ones; empty if the bundle does not say."""
    if decoder is None:
        return ""
    test = decoder.metrics.test or WritingMetrics()
    copied = decoder.metrics.copied or WritingMetrics()
    if test.word_error_rate is not None and copied.word_error_rate is not None:
        return (
            f"writes {test.word_error_rate:.1%} of words wrong, from sources with "
            f"{copied.word_error_rate:.1%}"
        )
    return "" if test.rougeL is None else f"ROUGE-L {test.rougeL:.2f} on unseen texts"


def notices(generation: Generation, bundle: Bundle, most: int) -> list[str]:
    """What a reader should know about how their source was read.

    Args:
        most: tokens that were to be written at most.
    """
    assert bundle.decoder, "it wrote"
    found = sentences.notices(
        generation.source, bundle, shown="what the decoder sees and of the maps"
    )
    length, most = len(generation.source.tokens), min(most, bundle.decoder.max_tokens)
    if bundle.decoder.restores and length > most + 1:  # the start token does not come back
        found.append(
            f"The source has {length} tokens, and at most {most} are written: its end will be "
            "missing. Shorten the source, or allow more tokens if the decoder can write them."
        )
    words = sum(not token.special and not token.continues for token in generation.source.tokens)
    if words > (bundle.decoder.longest_learned or words):
        found.append(
            f"The source has {words} words, and this decoder learned from sources of "
            f"{bundle.decoder.longest_learned} words at most: it may lose its way."
        )
    return found


def graded(found: Repair | None) -> str:
    """How a repair turned out; None if the text has not come to its end."""
    if found is None:
        return "The text did not come to its end, so its repair is not graded."
    places, right = len(found.restored), sum(found.restored)
    said = f"{right} of {places} spoiled place{'' if places == 1 else 's'} mended"
    rest = f"{found.kept} of the {found.others} other words kept" if found.others else ""
    more = f"{found.added} word{'' if found.added == 1 else 's'} put in that it did not have"
    parts = [said, *([rest] if rest else []), *([more] if found.added else [])]
    return f"{', '.join(parts)}."


def map_notes(view: MapView, found: HeadType | None = None) -> Notes:
    """What a reader of a written text's map must know.

    Args:
        found: the type of the head that is shown.
    """
    hidden = f"Special tokens are hidden. They had drawn {sentences.scaled_back(view)}"
    said = [*about_map(view, found), *([hidden] if view.hides_tokens else [])]
    return [*said, *sentences.drawing_notes(view)]


def state(generation: Generation, decoder: Decoder, *, busy: bool) -> str:
    """How far a text came, in a few words."""
    count = len(generation.steps)
    written = f"{count} token{'' if count == 1 else 's'}"
    if busy:
        return f"{written} so far"
    if generation.finished:
        return f"{written}, ended by itself"
    if count >= decoder.max_tokens:
        return f"{written}, as many as this decoder can write"
    return f"{written}, not ended: stopped, or all that the settings allow"
