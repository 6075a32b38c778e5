"""Everything the doctor looks at: the outside systems side by side, then the people, by what those say."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tminus.clock import now
from tminus.cross_check import never_proven
from tminus.doctor.finding import Finding, Look, warn
from tminus.doctor.ledger_answers import look_at_ledger
from tminus.doctor.pagerduty_ids import PagerDutyLook
from tminus.doctor.references import look_at_references
from tminus.doctor.slack_ids import SlackLook
from tminus.doctor.team import TeamLook
from tminus.environment import Environment
from tminus.people import People
from tminus.runbook import Runbook

_ADD_BACKUPS = "add the section, and have `tminus backup` and `tminus verify-backup` run every day"


def examine(
    people: People,
    environment: Environment,
    book: Runbook | None = None,
    others: Sequence[Look] = (),
) -> list[Finding]:
    """Looks at everything, changing nothing anywhere.

    Args:
        people: everybody.
        environment: where it runs.
        book: whose roles and quorums are looked at, too.
        others: further looks.
    """
    slack = SlackLook(environment.slack) if environment.slack else None
    pagerduty = PagerDutyLook(environment.pagerduty) if environment.pagerduty else None
    looks: list[Look] = [
        lambda: list(look_at_references(environment)),
        lambda: list(look_at_ledger(environment.ledger)),
        *others,
        lambda: list(slack.findings(people.people)) if slack else [_without("slack", "people answer in a terminal")],
        lambda: list(pagerduty.findings(people.people)) if pagerduty else [_without("pagerduty", "nobody is woken")],
    ]
    with ThreadPoolExecutor(len(looks)) as side_by_side:
        found = [finding for some in side_by_side.map(lambda look: look(), looks) for finding in some]
    unknown = slack.unknown(people.people) if slack else ()
    team = TeamLook(people, now(), seen=slack.seen if slack else (), unknown=unknown)
    unproven = never_proven(book.steps(), environment) if book else []
    return [*found, *(warn("backups", said, _ADD_BACKUPS) for said in unproven), *team.findings(book)]


def _without(system: str, so: str) -> Finding:
    return warn(system, f"the environment has none: {so}", "add the section if that is not meant")
