"""What is shown first of a text: the head, and the word, that have most to tell."""

import numpy as np

from explorer.reading import Reading
from explorer.view import MapView, encoder_maps


def telling_head(reading: Reading) -> tuple[int, int]:
    """The layer and head, from 0, whose words look most firmly at distant words: a good first view.

    For each word the largest weight on a word that is neither itself nor its neighbour, averaged
    over the words. Heads that rest on special tokens, or only look one place to the side as many
    do, score low.
    """
    maps = encoder_maps(reading, special_tokens=False, words=True)
    places = maps.queries.indexes
    if len(places) < 2:
        return 0, 0
    far = np.abs(places[:, None] - places) > 1
    firmness = np.stack(
        [
            (maps.of_layer(layer)[:, places][:, :, places] * far).max(axis=-1).mean(axis=-1)
            for layer in range(len(reading.weights))
        ]
    )
    layer, head = np.unravel_index(int(firmness.argmax()), firmness.shape)
    return int(layer), int(head)


def telling_token(view: MapView) -> int:
    """The token, by its place in the text, that looks most firmly at another word: shown first.

    Special tokens and punctuation are no words; where there is nothing else, the first token.
    """
    if not view.queries.tokens:
        return 0
    weights = view.weights.copy()
    words = np.array([any(map(str.isalnum, token.text)) for token in view.queries.tokens])
    weights[~words] = 0
    weights[:, ~words] = 0
    np.fill_diagonal(weights, 0)
    row, _ = np.unravel_index(int(weights.argmax()), weights.shape)
    return int(view.queries.indexes[row])
