"""How a bundle writes: what its `generation_config.json`, which is Hugging Face's, says of that."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from bundle_format.typed_json import WrongJson, long, within
from bundle_format.values import GENERATION, Count, Open, TokenId, Tokens

Ids = Annotated[tuple[TokenId, ...], long(1, 100_000)]
Factor = Annotated[float, within(1e-4, 1e4)]
Exponent = Annotated[float, within(-10, 10)]
"""Of a text's length, by which its score is divided: of the longest text that is written here, 128
tokens, float32 holds all of them. Models ask for 0.6, 1 or 2."""
Beams = Annotated[int, within(1, 10**12)]
MOST_BEAMS = 6
"""That are searched, however many a file asks for: each takes a step's time and memory."""


@dataclass(frozen=True, kw_only=True)
class Generation(Open):
    """The settings of a `generation_config.json` that are implemented; names are its own.

    `do_sample`, `temperature`, `top_k`, `top_p` and `num_beams` are what a reader may choose; the
    others hold of every text.
    """

    decoder_start_token_id: TokenId | None = None
    bos_token_id: TokenId | None = None
    eos_token_id: TokenId | Ids | None = None
    pad_token_id: TokenId | None = None
    forced_bos_token_id: TokenId | None = None
    forced_eos_token_id: TokenId | Ids | None = None
    suppress_tokens: tuple[TokenId, ...] | None = None
    begin_suppress_tokens: tuple[TokenId, ...] | None = None
    bad_words_ids: tuple[Ids, ...] | None = None
    min_length: Count | None = None
    min_new_tokens: Count | None = None
    max_length: Tokens | None = None
    max_new_tokens: Count | None = None
    no_repeat_ngram_size: Count | None = None
    repetition_penalty: Factor | None = None
    num_beams: Beams | None = None
    length_penalty: Exponent | None = None
    early_stopping: bool | Literal["never"] | None = None
    do_sample: bool | None = None
    temperature: float | None = None
    top_k: Count | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        """Raises WrongJson: words are to be drawn by what `generate` of `transformers` refuses
        then, and passes over where none are."""
        if not self.do_sample:
            return
        if self.temperature is not None and self.temperature <= 0:
            raise WrongJson(
                f"has {self.temperature} as temperature; expected a number above 0 beside do_sample"
            )
        if self.top_p is not None and self.top_p < 0:
            raise WrongJson(
                f"has {self.top_p} as top_p; expected a number from 0 to 1 beside do_sample"
            )

    @property
    def start(self) -> int:
        """The id of the token that begins a text which is written for a source.

        Raises:
            WrongJson: none is named.
        """
        named = (self.decoder_start_token_id, self.bos_token_id)
        found = next((one for one in named if one is not None), None)
        if found is None:
            raise WrongJson(
                "has nothing as decoder_start_token_id and as bos_token_id; expected an integer"
            )
        return found

    @property
    def ends(self) -> tuple[int, ...]:
        """The ids of the tokens that may end a text; none where it ends by its length alone."""
        return several(self.eos_token_id)


def several(found: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """One token, several, or none, as several."""
    if found is None:
        return ()
    return (found,) if isinstance(found, int) else found


# Setting -> values of it that change no text. Settings that are not here either change none at all
# (how fast, in which cache, what is returned beside the text), or are fields of `Generation`.
_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "assistant_early_exit": (),
    "constraints": (),
    "diversity_penalty": (0,),
    "dola_layers": (),
    "encoder_no_repeat_ngram_size": (0,),
    "encoder_repetition_penalty": (1,),
    "epsilon_cutoff": (0,),
    "eta_cutoff": (0,),
    "exponential_decay_length_penalty": (),
    "force_words_ids": (),
    "guidance_scale": (1,),
    "max_time": (),
    "min_p": (0,),
    "num_beam_groups": (1,),
    "num_return_sequences": (1,),
    "penalty_alpha": (0,),
    "remove_invalid_values": (False,),
    "renormalize_logits": (False,),
    "sequence_bias": (),
    "stop_strings": (),
    "token_healing": (False,),
    "top_h": (1,),
    "typical_p": (1,),
    "watermarking_config": (),
}


KNOWN = frozenset((*(one.name for one in fields(Generation) if one.name != "more"), *_NEUTRAL))
"""Settings that are implemented, and those of which it is said that they are not."""


def not_implemented(settings: Mapping[str, Any]) -> list[str]:
    """What a `generation_config.json`, which can be read as `Generation`, asks for that is not done
    here: a sentence each."""
    asked = {
        name: settings[name]
        for name, neutral in _NEUTRAL.items()
        if settings.get(name) not in (None, [], {}, *neutral)
    }
    if settings.get("do_sample") and (settings.get("num_beams") or 1) > 1:
        asked["do_sample"] = "beside num_beams"
    found = [
        f"{GENERATION} has {name} {str(value)[:60]}, which is not implemented here: texts "
        "may differ from those that generate of transformers writes"
        for name, value in asked.items()
    ]
    if (beams := settings.get("num_beams") or 1) > MOST_BEAMS:
        found.append(
            f"{GENERATION} asks for {beams:,} beams; at most {MOST_BEAMS} are searched here: texts "
            "may differ from those that generate of transformers writes"
        )
    return [*found, *_meaningless(settings)]


def _meaningless(settings: Mapping[str, Any]) -> list[str]:
    """Of what shapes the distribution that words are drawn from, what is beyond all use, though
    `generate` takes it: a sentence each."""
    temperature, top_p = settings.get("temperature"), settings.get("top_p")
    found = []
    if temperature is not None and temperature <= 0:
        found.append(f"temperature {temperature}, by which no scores can be divided")
    if top_p is not None and not 0 < top_p <= 1:
        found.append(f"top_p {top_p}, which is no share of all words")
    return [
        f"{GENERATION} has {one}: whoever has words drawn begins with the nearest value that the "
        "page offers"
        for one in found
    ]
