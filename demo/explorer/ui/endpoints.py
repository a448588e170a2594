"""What programs may call, in the order in which "Use via API" lists it."""

from collections.abc import Sequence

from explorer.bundle.bundle import Bundle
from explorer.ui import api, write_api
from explorer.ui.events import READING, WRITING
from explorer.ui.panels.registry import CLASSIFY_ENDPOINTS, WRITE_ENDPOINTS, Endpoint


def endpoints(bundles: Sequence[Bundle]) -> list[Endpoint]:
    """Those of a page with these bundles."""
    found: list[Endpoint] = [
        (api.attention, READING),
        (api.head_types, READING),
        (api.rollout, READING),
    ]
    if any(bundle.classifies for bundle in bundles):
        found = [(api.classify, READING), *found, *CLASSIFY_ENDPOINTS]
    if any(bundle.writes for bundle in bundles):
        found += [(write_api.generate, WRITING), (write_api.cross_attention, WRITING)]
        found += WRITE_ENDPOINTS
    return found
