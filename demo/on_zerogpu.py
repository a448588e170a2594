"""Starts the page on ZeroGPU, where a Space needs a function for the GPU. The page needs none."""

import spaces  # first, as that platform asks

# isort: split
import sys

import app


@spaces.GPU
def unused() -> None:
    """Never called, so that no visitor's share of the GPU is spent."""


if __name__ == "__main__":
    sys.exit(app.main())
