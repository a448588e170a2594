"""Models and their training: torch in, a checkpoint folder out. Start with `training/README.md`."""
