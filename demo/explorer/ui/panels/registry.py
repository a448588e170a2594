"""Which analyses the page offers, in the order in which they stand there, and the endpoints that
offer them to programs.
"""

from collections.abc import Callable, Mapping
from typing import Any

from explorer.ui.events import ANALYSIS, READING
from explorer.ui.panel import Group
from explorer.ui.panels.compare import COMPARE, compare
from explorer.ui.panels.decoder_heads import DECODER_HEADS, decoder_head_effects
from explorer.ui.panels.head_effects import HEAD_EFFECTS, head_effects
from explorer.ui.panels.occlusion import OCCLUSION, occlusion
from explorer.ui.panels.pairs import PAIRS, pairs
from explorer.ui.panels.pruning import PRUNING, pruning
from explorer.ui.panels.smallest_flip import SMALLEST_FLIP, smallest_flip
from explorer.ui.panels.source import SOURCE_ATTRIBUTION, source_reliance
from explorer.ui.panels.trust import FAITHFULNESS, trust
from explorer.ui.wording import LOG_ODDS

CLASSIFY: tuple[Group, ...] = (
    Group("Words", "mattered", (OCCLUSION, PAIRS, SMALLEST_FLIP, FAITHFULNESS), LOG_ODDS),
    Group("Heads", "which_heads", (HEAD_EFFECTS, PRUNING), LOG_ODDS),
    Group("Compare", "compare", (COMPARE,), LOG_ODDS),
)
"""Below the answer, beside the maps."""

WRITE: tuple[Group, ...] = (
    Group("Source", "source", (SOURCE_ATTRIBUTION,)),
    Group("Heads", "write_which_heads", (DECODER_HEADS,)),
)
"""Below the generated text, beside its maps."""

Endpoint = tuple[Callable[..., Any], Mapping[str, Any]]
"""What programs may call, with the page's models before its own arguments; and the line that it
waits in."""

CLASSIFY_ENDPOINTS: tuple[Endpoint, ...] = (
    (occlusion, ANALYSIS),
    (pairs, ANALYSIS),
    (smallest_flip, ANALYSIS),
    (trust, ANALYSIS),
    (head_effects, ANALYSIS),
    (pruning, ANALYSIS),
    (compare, READING),
)
"""Of what stands in `CLASSIFY`."""

WRITE_ENDPOINTS: tuple[Endpoint, ...] = (
    (source_reliance, ANALYSIS),
    (decoder_head_effects, ANALYSIS),
)
"""Of what stands in `WRITE`."""
