"""Pages for PagerDuty's REST API, their ends, and whom they reached."""

from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from tminus.messages.forms import PagerDutyLetter

OVER = PagerDutyLetter(op="resolve", summary="answered", by_rest=True)


def page(policy: str = "", *users: str) -> PagerDutyLetter:
    """Nobody answers."""
    details = {"what waits": "Go: no answer yet", "to look": "tminus status L"}
    return PagerDutyLetter(
        op="trigger", summary="Go: no answer yet", details=details, by_rest=True, policy=policy, users=users
    )


def paged(account: PagerDutyStandIn) -> list[list[str]]:
    """Who is assigned to each incident."""
    return [[user.id for user in one.assigned] for one in account.account.incidents]
