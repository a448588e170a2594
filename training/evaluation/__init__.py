"""What a model is worth, in numpy."""
