"""Makes tests/demo/foreign_decoder: the other kind of decoder that a bundle may have.

    python tests/demo/make_foreign_decoder.py

A random GPT-2 as Hugging Face ships it: byte-level BPE, one token that starts and ends a text, and
wider than the tiny bundle's encoder, whose hidden states reach it through a projection. It is
committed, with the texts that `transformers` writes with the same weights, so that the page's tests
run without torch. They put it into a copy of the tiny bundle.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, EncoderDecoderModel, GPT2Config, GPT2LMHeadModel
from transformers.modeling_outputs import BaseModelOutput

from bundle_format.folder import sha256
from export.graphs.decoder import trace_decoder
from training.checkpoints.hf_config import decoder_from_hf
from training.checkpoints.hf_weights import DECODER_NAMES
from training.model.decoder import GPTDecoder

TINY = Path(__file__).parent / "tiny_bundle"
OUT = Path(__file__).parent / "foreign_decoder"
END = "<|endoftext|>"
SEED = 176
SOURCES = ("the film is good", "Not bad at all, the story is great!", "a 😍 film")
STRATEGIES = {
    "greedy": {"num_beams": 1},
    "beam": {"num_beams": 3, "length_penalty": 1.0, "early_stopping": False},
    "no repeats": {"num_beams": 1, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
}
TEXTS = ["the film is not bad at all, it is good", "naïve café 😍 好电影", "so it was a great film"]


def make() -> None:
    """Writes the folder."""
    OUT.mkdir(exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save(str(OUT / "tokenizer.json"))
    model = make_model(tokenizer.get_vocab_size())
    ours = GPTDecoder(decoder_from_hf(model.decoder.config.to_dict())).eval()
    ours.load_state_dict(DECODER_NAMES.from_hf(model.decoder.state_dict()))
    onnx.save(trace_decoder(ours, model.enc_to_dec_proj), OUT / "decoder.onnx")
    size = model.decoder.config
    end = tokenizer.token_to_id(END)
    _write_json("generation_config.json", {"bos_token_id": end, "eos_token_id": end})
    _write_json(
        "decoder.json",
        {
            "layers": size.n_layer,
            "heads": size.n_head,
            "hidden": size.n_embd,
            "vocabulary": size.vocab_size,
            "max_tokens": size.n_positions,
            "task": "generate",
            "sha256": sha256(OUT / "decoder.onnx"),
            "written": written(model, end),
        },
    )


def make_tokenizer() -> Tokenizer:
    """Every byte, some merges, and the one special token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def make_model(vocabulary: int) -> EncoderDecoderModel:
    """Random weights. The encoder only says how wide the hidden states are."""
    torch.manual_seed(SEED)
    encoder = BertConfig(
        vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8,
    )  # fmt: skip
    decoder = GPT2Config(
        vocab_size=vocabulary, n_embd=12, n_layer=3, n_head=4, n_positions=40, n_inner=24,
        add_cross_attention=True, bos_token_id=0, eos_token_id=0,
        initializer_range=0.9,  # large: small weights would write one word for ever
    )  # fmt: skip
    model = EncoderDecoderModel(
        encoder=BertModel(encoder, add_pooling_layer=False), decoder=GPT2LMHeadModel(decoder)
    )
    with torch.no_grad():
        model.enc_to_dec_proj.weight.normal_(0, 0.9)
    return model.eval()


def written(model: EncoderDecoderModel, end: int) -> list[dict]:
    """What `transformers` writes, for the tiny bundle's hidden states of some sources."""
    found = []
    for source in SOURCES:
        hidden = hidden_states(source)
        for way, options in STRATEGIES.items():
            ids = model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
                attention_mask=torch.ones(hidden.shape[:2], dtype=torch.int64),
                do_sample=False, max_new_tokens=24, decoder_start_token_id=end,
                eos_token_id=end, pad_token_id=end, **options,
            )  # fmt: skip
            found.append({"source": source, "way": way, "ids": ids[0, 1:].tolist()})
    return found


def hidden_states(source: str) -> torch.Tensor:
    """What the tiny bundle's encoder makes of a text, shape (1, tokens, hidden)."""
    ids = Tokenizer.from_file(str(TINY / "tokenizer.json")).encode(source).ids
    session = onnxruntime.InferenceSession(TINY / "onnx" / "model.onnx")
    feed = {
        "input_ids": [ids],
        "attention_mask": [[1] * len(ids)],
        "token_type_ids": [[0] * len(ids)],
    }
    arrays = {name: np.array(value, np.int64) for name, value in feed.items()}
    return torch.tensor(session.run(["last_hidden_state"], arrays)[0])


def _write_json(name: str, content: object) -> None:
    text = json.dumps(content, ensure_ascii=False)
    (OUT / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    make()
