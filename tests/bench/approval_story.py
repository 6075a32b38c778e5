"""A question and its people, and one event after another, as the reference of the bench of approvals judges them."""

from bench.approval_history import (
    Account,
    Answer,
    Event,
    History,
    Looked,
    Order,
    Question,
    Request,
    Sent,
    Someone,
    StandIn,
    Via,
)
from bench.approval_model import accounts

PEOPLE = (
    Someone("both", frozenset({"dev", "ops"})),
    Someone("ops", frozenset({"ops"}), (StandIn("other", 9.5, 20.5),)),
    Someone("starter", frozenset({"dev"})),
    Someone("product", frozenset({"product"})),
    Someone("other", frozenset({"qa"})),
)
QUESTION = Question(
    "approval", {"dev": 1, "ops": 1}, ("product",), 100.5, frozenset(), {"tests": "dev", "hosts": "ops"}
)
VERSIONS = ({"tests": "pass", "hosts": "pass"}, {"tests": "fail", "hosts": "pass"})


class Story:
    """One event after another, and what the reference makes of them."""

    def __init__(self) -> None:
        self.events: list[Event] = [Looked(0)]

    def sent(
        self, who: str, does: Answer | Order = "approve", *, at: int = 1, via: Via = "slack", seen: int = 0
    ) -> Sent:
        """A request, which is not yet in the story."""
        return Sent(at, Request(len(self.events), who, does, via, seen, at, "right"), 0)

    def then(self, *events: Event) -> "Story":
        """Goes on with them, and a look."""
        self.events += [*events, Looked(events[-1].at)]
        return self

    def yes(self, who: str, *, at: int = 1, seen: int = 0) -> "Story":
        """Goes on with a yes."""
        return self.then(self.sent(who, at=at, seen=seen))

    def told(self) -> list[Account]:
        """Everything that may rightly come of it."""
        return list(accounts(History(PEOPLE, "starter", QUESTION, VERSIONS, tuple(self.events))))

    @property
    def result(self) -> str:
        """How it ends, where there is one way."""
        (told,) = self.told()
        return told.ends[-1].result if told.ends else "waiting"
