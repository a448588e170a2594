"""Folders in Hugging Face's format, both ways; they are written whole or not at all."""
