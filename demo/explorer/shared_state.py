"""What gradio keeps of a session, kept once for all of them.

By itself gradio copies the settings of every component for every session, which takes 40 ms and
324 kB, and stores there the last value of each: megabytes, after an attention map of a long text.
They are for components whose value stays on the server, and for links to what a reader saw. This
page has neither: what a reader sees is in their browser, and each of its requests says it all.
"""

from gradio.state_holder import SessionState, StateHolder


class SharedState(StateHolder):
    """In place of the sessions of a page without stateful components."""

    def __init__(self) -> None:
        super().__init__()
        self._only: SessionState | None = None

    def __getitem__(self, session_id: str) -> SessionState:
        if self._only is None:
            self._only = SessionState(self.blocks)
        return self._only

    def __contains__(self, session_id: str) -> bool:
        return True
