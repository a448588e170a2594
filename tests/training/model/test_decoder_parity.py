"""The same weights in GPT2LMHeadModel and EncoderDecoderModel: logits, maps, gradients, steps."""

import pytest
import torch
from torch import Tensor
from transformers import (
    BertConfig,
    EncoderDecoderConfig,
    EncoderDecoderModel,
    GPT2Config,
    GPT2LMHeadModel,
)

from training.checkpoints.hf_config import decoder_from_hf, decoder_to_hf, encoder_from_hf
from training.checkpoints.hf_weights import DECODER_NAMES, encoder_names
from training.model.config import DecoderConfig
from training.model.decoder import BERTGPTModel, GPTDecoder, Source

SIZES = [
    {"n_embd": 8, "n_head": 2, "n_layer": 1},
    {"n_embd": 24, "n_head": 3, "n_layer": 3, "n_inner": 20},
]
IDS = ["1 layer x 2 heads", "3 layers x 3 heads"]
CLOSE = {"atol": 1e-5, "rtol": 0}


def reference(size: dict[str, int], *, cross: bool) -> GPT2LMHeadModel:
    torch.manual_seed(size["n_embd"])
    config = GPT2Config(
        vocab_size=40,
        n_positions=24,
        add_cross_attention=cross,
        initializer_range=0.3,  # wide, so that maps are far from uniform
        bos_token_id=1,
        eos_token_id=2,
        attn_implementation="eager",
        **size,
    )
    return GPT2LMHeadModel(config).eval()


def same_in_ours(theirs: GPT2LMHeadModel) -> GPTDecoder:
    ours = GPTDecoder(decoder_from_hf(theirs.config.to_dict())).eval()
    ours.load_state_dict(DECODER_NAMES.from_hf(theirs.state_dict()))
    return ours


def source(width: int, *, padded: bool = True) -> Source:
    generator = torch.Generator().manual_seed(5)
    mask = torch.ones(3, 7, dtype=torch.bool)
    if padded:
        mask[1, 4:] = mask[2, 1:] = False
    return Source(torch.randn(3, 7, width, generator=generator), mask)


def target(length: int = 9) -> Tensor:
    return torch.randint(0, 40, (3, length), generator=torch.Generator().manual_seed(6))


def theirs_on(theirs: GPT2LMHeadModel, token_ids: Tensor, read: Source | None):
    given = {}
    if read is not None:
        given = {"encoder_hidden_states": read.hidden, "encoder_attention_mask": read.padding_mask}
    return theirs(token_ids, output_attentions=True, use_cache=False, **given)


@pytest.mark.parametrize("cross", [False, True], ids=["plain", "with cross-attention"])
@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_logits_and_maps_equal_those_of_transformers(size: dict[str, int], cross: bool) -> None:
    theirs = reference(size, cross=cross)
    read = source(size["n_embd"]) if cross else None

    expected = theirs_on(theirs, target(), read)
    ours = same_in_ours(theirs)
    found = ours(target(), read)

    assert len(expected.attentions) == size["n_layer"] == len(found.weights)
    assert len(expected.cross_attentions or ()) == len(found.cross_weights)
    assert len(found.cross_weights) == (size["n_layer"] if cross else 0)
    torch.testing.assert_close(ours.logits(found.hidden), expected.logits, **CLOSE)
    for map_, theirs_ in zip(found.weights, expected.attentions, strict=True):
        torch.testing.assert_close(map_, theirs_, **CLOSE)
    for map_, theirs_ in zip(found.cross_weights, expected.cross_attentions or (), strict=True):
        torch.testing.assert_close(map_, theirs_, **CLOSE)


@pytest.mark.parametrize("cross", [False, True], ids=["plain", "with cross-attention"])
def test_gradients_equal_those_of_transformers(cross: bool) -> None:
    theirs = reference(SIZES[1], cross=cross).double()
    ours = same_in_ours(theirs).double()
    ours.load_state_dict(DECODER_NAMES.from_hf(theirs.state_dict()))
    read = None
    if cross:
        read = source(24)._replace(hidden=source(24).hidden.double().requires_grad_())

    theirs_on(theirs, target(), read).logits.square().sum().backward()
    expected_source = read.hidden.grad.clone() if read else None
    if read:
        read.hidden.grad = None
    ours.logits(ours(target(), read).hidden).square().sum().backward()

    gradients = DECODER_NAMES.to_hf(
        {name: p.grad for name, p in ours.named_parameters() if p.grad is not None}
    )
    expected = {n: p for n, p in theirs.named_parameters() if n != "lm_head.weight"}
    assert set(gradients) == set(expected)
    for name, parameter in expected.items():
        torch.testing.assert_close(gradients[name], parameter.grad, **CLOSE)
    if read:
        torch.testing.assert_close(read.hidden.grad, expected_source, **CLOSE)


@pytest.mark.parametrize("cross", [False, True], ids=["plain", "with cross-attention"])
def test_cached_steps_equal_the_full_pass(cross: bool) -> None:
    ours = same_in_ours(reference(SIZES[1], cross=cross))
    read = source(24) if cross else None
    whole = ours(target(), read)

    past, hidden, self_rows, cross_rows = None, [], [], []
    for piece in (target()[:, :4], *target()[:, 4:].split(1, dim=1)):
        step = ours(piece, read, past)
        past = step.past
        hidden.append(step.hidden)
        full = torch.nn.functional.pad(step.weights[1], (0, 9 - step.weights[1].shape[-1]))
        self_rows.append(full)
        cross_rows += step.cross_weights[1:2]

    torch.testing.assert_close(
        ours.logits(torch.cat(hidden, dim=1)), ours.logits(whole.hidden), **CLOSE
    )
    torch.testing.assert_close(torch.cat(self_rows, dim=2), whole.weights[1], **CLOSE)
    if cross:
        torch.testing.assert_close(torch.cat(cross_rows, dim=2), whole.cross_weights[1], **CLOSE)


def test_the_source_is_projected_at_the_first_step_only(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = same_in_ours(reference(SIZES[0], cross=True))
    lengths = []
    project = ours.layers[0].cross_attention.key
    project.register_forward_hook(lambda module, given, result: lengths.append(result.shape[1]))

    first = ours(target(4), source(8))
    ours(target(1), source(8), first.past)

    assert lengths == [7, 0]


def test_the_future_gets_no_weight() -> None:
    weights = same_in_ours(reference(SIZES[1], cross=True))(target(), source(24)).weights

    future = torch.ones(9, 9).triu(1).bool()
    for layer in weights:
        assert layer[..., future].eq(0).all()
        torch.testing.assert_close(layer.sum(dim=-1), torch.ones(3, 3, 9))


@pytest.mark.parametrize("which", ["head_mask", "cross_head_mask"])
def test_a_head_mask_removes_a_head_of_theirs_whose_columns_are_zeroed(which: str) -> None:
    theirs = reference(SIZES[1], cross=True)
    ours = same_in_ours(theirs)
    mask = torch.ones(1, 3, 3)
    mask[0, 1, 2] = 0
    block = theirs.transformer.h[1]
    attention = block.attn if which == "head_mask" else block.crossattention
    with torch.no_grad():
        attention.c_proj.weight[16:24] = 0  # a Conv1D stores (in, out): rows belong to the heads

    found = ours(target(), source(24), **{which: mask})

    expected = theirs_on(theirs, target(), source(24))
    torch.testing.assert_close(ours.logits(found.hidden), expected.logits, **CLOSE)


def test_every_weight_goes_to_theirs_and_back() -> None:
    theirs = reference(SIZES[1], cross=True)
    ours = same_in_ours(theirs).state_dict()

    there = DECODER_NAMES.to_hf(ours)

    assert set(there) == set(theirs.state_dict()) - {"lm_head.weight"}
    assert all(torch.equal(there[name], theirs.state_dict()[name]) for name in there)
    back = DECODER_NAMES.from_hf(there)
    assert all(torch.equal(back[name], tensor) for name, tensor in ours.items())


@pytest.mark.parametrize("width", [24, 16], ids=["equal widths", "unequal widths"])
def test_the_hybrid_equals_an_encoder_decoder_model(width: int) -> None:
    torch.manual_seed(0)
    encoder = BertConfig(
        vocab_size=30,
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=20,
        initializer_range=0.3,
    )
    decoder = reference(SIZES[1], cross=True).config
    config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config._attn_implementation = "eager"
    theirs = EncoderDecoderModel(config).eval()
    theirs.encoder.set_attn_implementation("eager")
    theirs.decoder.set_attn_implementation("eager")
    ours = BERTGPTModel(
        encoder_from_hf(theirs.config.encoder.to_dict()),
        decoder_from_hf(theirs.config.decoder.to_dict()),
    ).eval()
    encoder_weights = encoder_names().from_hf(theirs.encoder.state_dict())
    ours.encoder.load_state_dict(
        {n.removeprefix("encoder."): w for n, w in encoder_weights.items() if n != "pooler.weight"
         and n != "pooler.bias"}
    )  # fmt: skip
    ours.decoder.load_state_dict(DECODER_NAMES.from_hf(theirs.decoder.state_dict()))
    if ours.bridge is not None:
        ours.bridge.load_state_dict(theirs.enc_to_dec_proj.state_dict())
    read = torch.randint(0, 30, (3, 7), generator=torch.Generator().manual_seed(2))
    mask = source(24).padding_mask

    found = ours(read, mask, target())

    expected = theirs(
        input_ids=read,
        attention_mask=mask,
        decoder_input_ids=target(),
        output_attentions=True,
        use_cache=False,
    )
    assert (ours.bridge is None) == (width == 24)
    torch.testing.assert_close(found.logits, expected.logits, **CLOSE)
    for kind, maps in (
        (found.encoded.weights, expected.encoder_attentions),
        (found.decoded.weights, expected.decoder_attentions),
        (found.decoded.cross_weights, expected.cross_attentions),
    ):
        assert len(kind) == len(maps) > 0
        for ours_map, their_map in zip(kind, maps, strict=True):
            torch.testing.assert_close(ours_map, their_map, **CLOSE)


def test_a_target_longer_than_the_positions_is_refused() -> None:
    ours = same_in_ours(reference(SIZES[0], cross=False))
    past = ours(target(20)).past

    with pytest.raises(ValueError, match="has 25 tokens, the decoder takes at most 24"):
        ours(target(5), past=past)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("activation_function", "relu"),
        ("scale_attn_by_inverse_layer_idx", True),
        ("scale_attn_weights", False),
        ("reorder_and_upcast_attn", True),
        ("tie_word_embeddings", False),
        ("n_layer", "many"),
        ("rope_theta", 5),
    ],
)
def test_a_setting_that_is_not_implemented_is_refused_by_name(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=setting):
        decoder_from_hf(GPT2Config().to_dict() | {setting: value})


def test_our_config_survives_the_way_to_disk_and_back_and_transformers_reads_it() -> None:
    config = DecoderConfig(
        vocab_size=99, hidden_size=24, num_attention_heads=4, num_hidden_layers=2
    )

    assert decoder_from_hf(decoder_to_hf(config)) == config
    theirs = GPT2Config.from_dict(decoder_to_hf(config))
    assert (theirs.n_embd, theirs.n_inner, theirs.add_cross_attention) == (24, 3072, True)
    assert decoder_from_hf(theirs.to_dict()) == config
    assert decoder_from_hf({"n_embd": 12, "n_inner": None}).intermediate_size == 48
