"""What a generator writes, greedily or by beam search: by `generate` of `transformers`, and by its
graphs and the rules of its settings. Both begin with the same texts, each by itself, and write some
tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnxruntime
import torch
from transformers import GenerationConfig

from bundle_format.generation import Generation
from bundle_format.typed_json import as_json, read_object
from decoding.rules import Rules, rules_of
from export.graphs.names import encoder_feed, input_names
from export.graphs.spec import DecoderSpec
from export.graphs.tracing import silenced
from export.loading.generation_settings import settings_of
from export.runtime.strategies import (
    GraphSteps,
    graph_next_logits,
    lone_next_logits,
    write_by_beams,
    write_by_rules,
)
from export.runtime.writing import Texts
from export.verification.inputs import Prompt, Sample, Text, run_steps
from training.data.batches import EncodedText

_NEW = 24
"""Tokens that are written of each text, if none ends before."""
_NOT_DRAWN = {
    "do_sample": False,
    # What generate warns about where it does not draw, and what would count instead.
    **dict.fromkeys(("temperature", "top_k", "top_p", "max_new_tokens")),
}
_NOT_SEARCHED = dict.fromkeys(("length_penalty", "early_stopping"))


@dataclass(frozen=True, kw_only=True)
class GraphsOfGenerator:
    """Its graphs, opened."""

    decoder: onnxruntime.InferenceSession
    encoder: onnxruntime.InferenceSession | None
    """None where it is a decoder alone."""

    def steps(self, text: Sequence[int]) -> GraphSteps:
        """Reads a source, where there is an encoder for it, and gives the steps of writing."""
        if self.encoder is None:
            return lone_next_logits(self.decoder)
        hidden = self._read(text)
        return graph_next_logits(self.decoder, hidden, np.ones(hidden.shape[:2], np.int64))

    def follow(self, text: Sequence[int], ids: Sequence[int]) -> dict[str, np.ndarray]:
        """Logits and maps along given ids, in one run.

        Args:
            text: the source, where there is an encoder for it.
        """
        target = np.array([ids], np.int64)
        fed: Text
        if self.encoder is None:
            tells = "position_ids" in input_names(self.decoder)
            ones = np.ones_like(target)
            fed = Prompt(target=target, mask=ones, pieces=(len(ids),), positions=tells)
        else:
            hidden = self._read(text)
            ones = np.ones(hidden.shape[:2], np.int64)
            fed = Sample(source=hidden, mask=ones, target=target, pieces=(len(ids),))
        (found,) = run_steps(self.decoder, fed)
        return found

    def _read(self, text: Sequence[int]) -> np.ndarray:
        """The hidden states of a source, (1, source, hidden)."""
        assert self.encoder, "there is an encoder for the source"
        feed = encoder_feed(input_names(self.encoder), np.array([text], np.int64))
        (hidden,) = self.encoder.run(["last_hidden_state"], feed)
        return np.asarray(hidden)


@dataclass(frozen=True, kw_only=True)
class TextWriter:
    """A model that writes, by the settings that its folder has for `generate`."""

    model: Any
    """Of `transformers`, whole."""
    spec: DecoderSpec
    max_tokens: int
    """The longest text."""

    @property
    def settings(self) -> Generation:
        """Those of them that are implemented."""
        return read_object(Generation, settings_of(self.model))

    def given(self, text: EncodedText) -> list[int]:
        """What is there before the writing begins: the start token, or the text as a prompt."""
        return list(text.token_ids) if self.spec.alone else [self.settings.start]

    def rules(self, text: EncodedText) -> Rules:
        """The rules of the settings, for a text of `_NEW` tokens at most."""
        given = len(self.given(text))
        rules = rules_of(self.settings, given=given, limit=self.max_tokens)
        return replace(rules, longest=min(rules.longest or self.max_tokens, given + _NEW))

    def by_graphs(
        self, graphs: GraphsOfGenerator, texts: Sequence[EncodedText], beams: int = 1
    ) -> Texts:
        """The token ids that the graphs write of each text, the end among them.

        Args:
            beams: 1 writes greedily.
        """
        written = []
        for text in texts:
            steps, told = graphs.steps(text.token_ids), (self.given(text), self.rules(text))
            if beams == 1:
                written.append(write_by_rules(steps, *told))
            else:
                written.append(write_by_beams(steps, *told, self.settings, beams))
        return written

    def by_torch(self, texts: Sequence[EncodedText], beams: int = 1) -> Texts:
        """The token ids that `generate` writes of each text, the end among them, by those of the
        settings that are implemented."""
        return [self._generated(text, beams) for text in texts]

    def _generated(self, text: EncodedText, beams: int) -> list[int]:
        given, longest = len(self.given(text)), self.rules(text).longest
        if longest is None or longest <= given:
            return []
        known = as_json(replace(self.settings, more={}))
        # The cache that generate makes has as many layers as the config counts first: of a T5 whose
        # decoder has more than its encoder, too few.
        counted = self.model.config.get_text_config(decoder=True).num_hidden_layers
        known["use_cache"] = counted >= self.spec.num_hidden_layers
        known |= _NOT_DRAWN | ({} if beams > 1 else _NOT_SEARCHED)
        settings = GenerationConfig(**known | {"num_beams": beams, "max_length": longest})
        ids, noted = torch.tensor([text.token_ids]), self.model.generation_config
        # Of settings that are handed over, generate fills in by the model's what they leave out.
        self.model.generation_config = settings
        try:
            with torch.no_grad(), silenced():
                out = self.model.generate(ids, attention_mask=torch.ones_like(ids))
        finally:
            self.model.generation_config = noted
        return [int(one) for one in out[0, given:]]
