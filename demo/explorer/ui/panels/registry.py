"""Which analyses the page offers, in the order in which they stand there, and the endpoints that
offer them to programs.
"""

from collections.abc import Callable, Sequence
from typing import Any

from explorer.ui.models import Screen, WriteScreen
from explorer.ui.panel import Group
from explorer.ui.panels.compare_api import CompareApi
from explorer.ui.panels.compare_panel import COMPARE
from explorer.ui.panels.decoder_heads_api import DecoderHeadsApi
from explorer.ui.panels.decoder_heads_panel import DECODER_HEADS
from explorer.ui.panels.flip_panel import SMALLEST_FLIP
from explorer.ui.panels.heads_api import HeadsApi
from explorer.ui.panels.heads_panel import HEAD_EFFECTS
from explorer.ui.panels.occlusion_panel import OCCLUSION
from explorer.ui.panels.pairs_panel import PAIRS
from explorer.ui.panels.pruning_panel import PRUNING
from explorer.ui.panels.source_api import SourceApi
from explorer.ui.panels.source_panel import SOURCE_ATTRIBUTION
from explorer.ui.panels.trust_panel import FAITHFULNESS
from explorer.ui.panels.words_api import WordsApi
from explorer.ui.sentences import LOG_ODDS
from explorer.ui.widgets import ANALYSIS, READING

Endpoint = tuple[Callable, dict[str, Any]]
"""What programs may call, and the line that it waits in."""

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
"""Below the written text, beside its maps."""


def classify_endpoints(screen: Screen) -> Sequence[Endpoint]:
    """Named endpoints of what stands in `CLASSIFY`."""
    words, heads = WordsApi(screen), HeadsApi(screen)
    return (
        (words.occlusion, ANALYSIS),
        (words.pairs, ANALYSIS),
        (words.smallest_flip, ANALYSIS),
        (words.trust, ANALYSIS),
        (heads.head_effects, ANALYSIS),
        (heads.pruning, ANALYSIS),
        (CompareApi(screen).compare, READING),
    )


def write_endpoints(screen: WriteScreen) -> Sequence[Endpoint]:
    """Named endpoints of what stands in `WRITE`."""
    return (
        (SourceApi(screen).source_reliance, ANALYSIS),
        (DecoderHeadsApi(screen).decoder_head_effects, ANALYSIS),
    )
