"""The parts of the page that run an analysis: what it costs, a button, Stop, its result."""
