"""What the page of `to_onnx.py` says of large models."""

from export.report import show_memory


def test_memory_is_told_before_it_is_spent() -> None:
    weights, gigabyte = 538_000_000, 10**9

    assert show_memory(weights, 20 * gigabyte) == "up to about 6 GB; 20 GB are free"
    assert show_memory(weights, None) == "up to about 6 GB"
    assert show_memory(weights, 4 * gigabyte).endswith(
        "4 GB are free: it may not be enough; close other programs"
    )
