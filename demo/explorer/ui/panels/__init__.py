"""The analyses, as the page shows them and as programs ask for them.

Public: `compare`, `decoding`, `generated_text`, `heads`, `trust`, `words`.
"""
