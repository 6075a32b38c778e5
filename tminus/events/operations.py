"""What happens in an operation: something done to an environment outside a launch, approved before, looked at after."""

from typing import Literal

from tminus.events.happening import Happening


class OperationBegan(Happening):
    """An operation holds its environment, with everything that an approval of it binds to.

    Attributes:
        step: the step of the launch book that says how.
        kind: what it does: `postgres.backup`.
        action: that step's action, as JSON.
        does: what was shown before it was approved.
        roles: any one of these may approve it.
        people: who they are, as canonical JSON.
        digests: of the files.
        digest: of all that; an approval names it.
    """

    type: Literal["operation.began"] = "operation.began"
    operation: str
    what: str
    system: str
    environment_name: str
    step: str
    kind: str
    action: str
    does: str
    roles: tuple[str, ...]
    people: str
    digests: dict[str, str]
    digest: str


class OperationApproved(Happening):
    """A person approved exactly this operation, signed. `digest` is the operation's."""

    type: Literal["operation.approved"] = "operation.approved"
    person: str
    role: str
    digest: str
    reason: str = ""
    signature: str = ""


class OperationEnded(Happening):
    """The operation is over, and its environment free again."""

    type: Literal["operation.ended"] = "operation.ended"
    done: bool
    sentence: str
