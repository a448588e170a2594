"""The page's own package: open a bundle, run it, do the view's maths, draw. Needs no torch."""

from explorer.environment import settle

HOST_ADDRESS = settle()
