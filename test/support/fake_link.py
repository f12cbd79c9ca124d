"""Stands in for ArmLink: an arm that may move and follows, unless the test says otherwise."""


class FakeLink:
    """What recorder and replay ask of the arm; set `forbidden` or `let_go` to stop it."""

    forbidden = let_go = ""

    def objection(self) -> str:
        return self.forbidden

    def interruption(self) -> str:
        return self.let_go or self.forbidden

    def watch(self) -> None:
        self.let_go = ""
