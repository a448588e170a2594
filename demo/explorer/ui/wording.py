"""What the page says, in one place. No reader's text stands in these sentences."""

from bundle_format.schema import WritingMetrics
from explorer.analyses.noise import Repair
from explorer.bundle import Bundle, Decoder, Graph
from explorer.inference.reading import GivenText, Reading, numbered_layers
from explorer.writing.generation import Generation
from explorer.writing.prompt import Prompt

_UNKNOWN = ("[UNK]", "<unk>")
"""What tokenizers call a piece that they do not know."""

LOG_ODDS = (
    "**Effects are told in log-odds**, the natural logarithm of p / (1 − p): 0 at 50%, 2.2 at "
    "90%, 4.6 at 99%, and in points of the probability p beside them. Where a model is sure, p "
    "hardly moves whatever is removed; its log-odds do. Less than 0.1 is next to nothing. "
    "Of a number, such as a cosine, they are in its own units."
)


def which_graph(graph: Graph) -> str:
    """Which graph runs, in a few words."""
    if graph.precision == "float32":
        return "float32 weights"
    error = graph.map_error.mean
    return "8-bit weights" + (
        "" if error is None else f" (maps differ by {_small(error)} from float32's)"
    )


def about(bundle: Bundle) -> list[str]:
    """What stands at the foot of the page: the graphs' errors, and the licence."""
    if bundle.continues:
        return [_graph_error("The decoder", "a map", bundle.graph), bundle.licence]
    graphs = [_graph_error("The encoder", "a map", bundle.graph)]
    if bundle.decoder:
        graphs.append(_graph_error("The decoder", "a cross-attention map", bundle.decoder.graph))
    return [*graphs, bundle.licence]


def _graph_error(who: str, what: str, graph: Graph) -> str:
    error = graph.map_error
    if graph.precision == "float32":
        return f"{who} runs the float32 graph."
    if error.mean is None:
        return f"{who} runs the 8-bit graph; how far its maps are from float32's is not known."
    rare = "" if error.p99 is None else f", {_small(error.p99)} in one row in a hundred"
    return (
        f"{who} runs the 8-bit graph. Against float32, a row of {what} moves "
        f"{_small(error.mean)} of its attention on average{rare} (total variation distance)."
    )


def accuracy(bundle: Bundle) -> str:
    """Accuracy on held-out texts; empty if the bundle does not say."""
    value, texts = bundle.test_metrics.accuracy, bundle.test_metrics.texts
    if value is None:
        return ""
    of = "" if texts is None else f"{texts:,} "
    return f"{value:.1%} accuracy on {of}unseen texts{_in_float32(bundle.graph)}"


def _in_float32(graph: Graph) -> str:
    """Of which weights a number speaks: a training measures its own, before they are quantised."""
    return "" if graph.precision == "float32" else " (by the float32 weights)"


def _small(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"


def notices(
    reading: GivenText, bundle: Bundle, *, shown: str = "the answer and of the maps"
) -> list[str]:
    """What a reader should know about how their text was read.

    Args:
        shown: what tokens that had no room are left out of.
    """
    words = [token for token in reading.tokens if not token.special]
    found = []
    if reading.tokens_left_out:
        whole = len(reading.tokens) + reading.tokens_left_out
        found.append(
            f"{_reads(bundle)}, and {'both have' if bundle.task == 'embed' else 'this text has'} "
            f"{whole:,}: {reading.tokens_left_out:,} were left out of {shown}."
        )
    if not words:
        found.append("The tokenizer drops all that is in this text: the model reads an empty one.")
    unknown = [token.piece for token in words if token.piece in _UNKNOWN]
    if unknown:
        found.append(
            f"{len(unknown)} of {len(words)} tokens {'is' if len(unknown) == 1 else 'are'} not in "
            f"the model's vocabulary, and read as {unknown[0]}, the same for all unknown ones."
        )
    if not any(character.isalnum() for character in reading.text + reading.text_pair):
        found.append(
            "There is no letter and no digit in this text. Unless the model learned from such "
            "texts, what it says of this one means nothing."
        )
    return found


def _reads(bundle: Bundle) -> str:
    """How many tokens are read, and why no more."""
    if bundle.task == "embed":
        return f"At most {bundle.most_tokens:,} tokens of each text are read"
    if bundle.most_tokens == bundle.max_tokens:
        return f"The model reads {bundle.max_tokens} tokens at most"
    return (
        f"The model could read {bundle.max_tokens:,} tokens, but the maps of so many would take "
        f"too much memory and time: this page reads {bundle.most_tokens:,} at most"
    )


CORRUPTED = "The sentence before it was corrupted, with what was done to it:"
CORRUPTED_OWN = (
    "Your text as it stood, with what was corrupted in it here. Whatever else is wrong in it was "
    "there before, and is not graded:"
)
UNCORRUPTED = "Nothing was corrupted: this text has no word that could be."

NO_NORMS = "The decoder's graph gives no norms for its self-attention."


def asked(decoder: Decoder) -> str:
    """What a reader is to give."""
    if decoder.alone:
        return "The beginning of a text, or a question; the model goes on from there."
    if not decoder.restores:
        return "The text that is read; the model writes its own for it."
    return "A sentence with words that are masked, missing, swapped or mistyped, to be restored."


def encoder(bundle: Bundle) -> str:
    """The encoder's sizes, and of which layers there are maps where that is not all of them; empty
    if there is none."""
    if bundle.continues:
        return ""
    told = f"encoder: {bundle.layers} layers × {bundle.heads} heads"
    if bundle.has_all_maps:
        return told
    return f"{told}, maps of {numbered_layers(bundle.map_layers)}"


def last_with_maps(bundle: Bundle) -> str:
    """The layer whose attention stands beside effects."""
    last = bundle.map_layers[-1] + 1
    return "the last layer" if last == bundle.layers else f"layer {last}, the last one with maps"


def sizes(bundle: Bundle) -> str:
    """The decoder's sizes, and which graph runs where it is of another kind than the encoder's;
    empty if there is none."""
    decoder = bundle.decoder
    if decoder is None:
        return ""
    other = decoder.graph.precision != bundle.graph.precision
    graph = f", {which_graph(decoder.graph)}" if other else ""
    some = len(decoder.map_layers) < decoder.layers
    maps = f", maps of {numbered_layers(decoder.map_layers)}" if some else ""
    again = "" if decoder.cached else ", reads its whole text again for each token"
    return f"decoder: {decoder.layers} layers × {decoder.heads} heads{again}{maps}{graph}"


def worth(decoder: Decoder | None) -> str:
    """How good its texts are on unseen sources; empty if the bundle does not say."""
    if decoder is None:
        return ""
    test = decoder.metrics.test or WritingMetrics()
    copied = decoder.metrics.copied or WritingMetrics()
    if test.word_error_rate is not None and copied.word_error_rate is not None:
        before, after = f"{copied.word_error_rate:.1%}", f"{test.word_error_rate:.1%}"
        said = f"restores unseen sentences: {before} of words wrong before, {after} after"
    elif test.rougeL is not None:
        said = f"ROUGE-L {test.rougeL:.2f} on unseen texts"
    else:
        return ""
    return said + _in_float32(decoder.graph)


def write_notices(generation: Generation, bundle: Bundle, most: int) -> list[str]:
    """What a reader should know about how their source, or their prompt, was read.

    Args:
        most: tokens that were to be written at most.
    """
    assert bundle.decoder, "it wrote"
    found = notices(generation.source, bundle, shown="what the decoder sees and of the maps")
    found += _of_template(generation.source)
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


def _of_template(source: GivenText) -> list[str]:
    """Whether a prompt stands in its model's chat template, where there is one."""
    if not isinstance(source, Prompt):
        return []
    if source.untemplated:
        return [
            f"The model's chat template cannot take this prompt in ({source.untemplated}), so the "
            "model goes on from the prompt as it is, and may not answer as it learned to."
        ]
    if source.templated:
        return [
            "The prompt stands in the model's chat template, whose tokens are among the special "
            "ones. Beside the decoding strategy it can be switched off."
        ]
    return []


def graded(found: Repair | None, *, known_clean: bool) -> str:
    """How a restoration turned out; None if the text has not come to its end.

    Args:
        known_clean: whether there was no fault in the sentence before it was corrupted. If that is
            not known, what else was changed in it may be a repair.
    """
    if found is None:
        return "The text did not come to its end, so it is not graded."
    places, right = len(found.restored), sum(found.restored)
    many = "place" if places == 1 else "places"
    if not known_clean:
        return f"{right} of {places} {many} corrupted here restored."
    said = f"{right} of {places} corrupted {many} restored"
    rest = f"{found.kept} of the {found.others} other words kept" if found.others else ""
    more = f"{found.added} word{'' if found.added == 1 else 's'} added that it did not have"
    parts = [said, *([rest] if rest else []), *([more] if found.added else [])]
    return f"{', '.join(parts)}."


def state(generation: Generation, decoder: Decoder, limit: int | None, *, busy: bool) -> str:
    """How far a text came, in a few words.

    Args:
        limit: see `TextGenerator.stopped_at`.
    """
    count = len(generation.steps)
    written = in_tokens(count)
    if busy:
        return f"{written} so far"
    if limit is None:
        return f"{written}, {'ended by itself' if generation.finished else 'unfinished: stopped'}"
    no_more = len(generation.given) + count > decoder.max_tokens
    why = ", as many as this decoder can write" if no_more else ""
    return f"{written}, stopped at the limit of {in_tokens(limit)}{why}"


def in_tokens(count: int) -> str:
    """How many there are."""
    return f"{count} token{'' if count == 1 else 's'}"


def ablated(reading: Reading) -> list[str]:
    """Which heads a text was read without, if any."""
    heads = ", ".join(f"layer {layer}, head {head}" for layer, head in reading.ablated)
    return [f"Read with these heads ablated: {heads}."] if heads else []


def kept_in_part(most: int) -> str:
    """What a page of a long text, kept as a file, has not."""
    return (
        f"This text has more than {most} tokens. Of its maps this page holds the layer that was "
        "chosen when it was kept, and all heads in small as the switches stood then."
    )
