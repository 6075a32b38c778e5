"""What is asked of a second person before live data are switched, and what that binds to."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from tminus import events as ev
from tminus.backups.book import BackupBook
from tminus.candidates import Asking, may_answer
from tminus.digests import decision_digest
from tminus.errors import UsageError
from tminus.frozen import Frozen, digest_of
from tminus.people import People
from tminus.quorum import why_unreachable
from tminus.restores.papers import STEP

ASK = "restore"
"""What the question is called."""
PATIENCE = timedelta(hours=1)
"""How long an answer is waited for."""
_NOT_ITS_OWN = "asked for this restore, and nobody approves their own"


def facts_of(planned: ev.RestorePlanned, book: BackupBook) -> Mapping[str, str]:
    """What a yes is to. Not how long ago all of it was: that grows while people read."""
    halted = book.halted
    return {
        "backup": f"{planned.backup}, manifest {planned.manifest_digest}",
        "instant": f"{planned.instant:%Y-%m-%dT%H:%M:%S.%fZ}",
        "loses": f"{planned.lost:.3f} s between {planned.reached:%Y-%m-%dT%H:%M:%S.%fZ} and that instant",
        "verified": planned.verified or "never",
        "saved first": f"no: {planned.unsaved}" if planned.unsaved else "yes",
        "way": json.dumps(planned.way, sort_keys=True),
        "halted": halted.model_dump_json(by_alias=True) if halted else "",
        "halted where the check cannot look": planned.halted or "no",
    }


def question(frozen: Frozen, planned: ev.RestorePlanned, book: BackupBook, text: str) -> ev.AskOpened:
    """The question to whoever may restore, but for whoever asks. Raises UsageError where nobody could say yes."""
    seat = " or ".join(book.may_restore)
    seats, barred = {seat: 1}, {planned.asked_by: _NOT_ITS_OWN}
    facts = facts_of(planned, book)
    deadline = planned.at + frozen.environment.clock.real(PATIENCE)
    _refuse_unreachable(seats, barred, frozen.people, planned.at, deadline)
    digest = decision_digest(frozen, facts)
    return ev.AskOpened(
        ask=ASK,
        step=STEP,
        kind="approval",
        roles=seats,
        text=text,
        decision_digest=digest,
        evidence_digest=digest_of(ev.write(planned)),
        deadline=deadline,
        barred=barred,
        facts=dict(facts),
    )


def _refuse_unreachable(
    seats: Mapping[str, int], barred: Mapping[str, str], people: People, since: datetime, until: datetime
) -> None:
    if why := why_unreachable(seats, may_answer(Asking(seats, barred, since, until), people)):
        raise UsageError(
            f"a restore is approved by a second person, and {why}: whoever asks for it does not count; "
            "let somebody else ask, or add people to people.yaml. Nothing was changed"
        )
