"""ROUGE, against numbers that Google's `rouge-score` gives for the same texts (no stemming)."""

import pytest

from training.rouge import rouge
