"""What the page says of a head, and of a map that joins several. No reader's text stands here."""

from explorer.analysis.head_types import BROAD, MIXED, HeadType
from explorer.view import MapView

Notes = list[str | dict[str, str]]
"""What `page/notes.js` writes, part after part: strings, and objects whose `text` stands out, or
leads to the address `href`. No Markdown: a bundle's tokens stand in them."""

BY_NORMS: Notes = [
    "Each weight is multiplied by the norm of the vector that is passed on with it, and rows are "
    "scaled back to 100 %: see whether what drew most still does, special tokens above all",
    {
        "text": "(Kobayashi et al. 2020).",
        "href": "https://aclanthology.org/2020.emnlp-main.574/",
    },
]


def in_short(found: HeadType) -> str:
    """A head's type with the score that earned it, and its entropy; plain text."""
    entropy = f"entropy {found.entropy:.2f}"
    if found.name == BROAD:
        return f"broad, {entropy}"
    if found.name == MIXED and found.shares:
        closest = max(found.shares, key=lambda name: found.shares[name])
        return f"mixed, at most {found.score:.2f} of its attention ({closest}); {entropy}"
    return f"{found.name}, {found.score:.2f} of its attention; {entropy}"


def about_map(view: MapView, found: HeadType | None) -> Notes:
    """What a reader should know about the head that is shown, or about what joins several."""
    said: Notes = []
    if found and isinstance(view.layer, int) and isinstance(view.head, int):
        which = f"Head {view.head + 1} of layer {view.layer + 1}:"
        said += [{"text": which}, f"{in_short(found)}."]
    if view.is_maximum:
        said.append(
            "A cell is the largest weight that any of these heads puts there: look for what at "
            "least one of them sees. Rows add up to more than 100 % and are not scaled."
        )
    elif isinstance(view.layer, str) and isinstance(view.head, int):
        said.append(
            f"Head {view.head + 1} of one layer has nothing to do with head {view.head + 1} of "
            "another: this mean has no meaning by itself."
        )
    elif isinstance(view.layer, str) or isinstance(view.head, str):
        said.append("A mean hides what single heads do: compare it with the small maps above.")
    if view.by_norms:
        said += BY_NORMS
    return said
