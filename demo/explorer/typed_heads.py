"""The types of the heads whose maps are shown: by words or tokens, by norms or not, as shown."""

from explorer.analysis.head_types import (
    HeadType,
    Measure,
    encoder_targets,
    head_types,
    measure_by,
    written_targets,
)
from explorer.maps import Maps


def measure_of(maps: Maps) -> Measure:
    """What the heads of some maps are measured by."""
    if maps.of_one_text:
        return measure_by(encoder_targets(maps.queries.whole), maps.even())
    sides = maps.queries.whole, maps.keys.whole
    return measure_by(written_targets(*sides, looks_back=maps.looks_back), maps.even())


def type_of_head(maps: Maps, layer: int | str, head: int | str) -> HeadType | None:
    """The type of one head; None where a map joins several."""
    if not isinstance(layer, int) or not isinstance(head, int):
        return None
    return head_types(maps.of_head(layer, head)[None], measure_of(maps))[0]
