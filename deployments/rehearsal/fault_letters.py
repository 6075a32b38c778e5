"""Whether the letters that an outage held up arrived after it and said so, as counted at the stand-in."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from deployments.rehearsal.call_record import Call
from deployments.rehearsal.fault_ending import came_late
from tminus import events as ev

_OUTAGE = "fault: down"
_SAYS_SO = "This is late by "
_SURELY_LATE = timedelta(seconds=7)  # a letter says that it is late from 5 s on, by a clock that is read before it goes


def letters_fact(channel: str, calls: Sequence[Call], events: Sequence[ev.Event], created: ev.LaunchCreated) -> str:
    """What is found of the letters to one stand-in; empty where it was never down.

    Slack is owed each question, PagerDuty the beginning of each phase; those owed are the ones that happened well
    before the outage was over.
    """
    refused = [_moment(call) for call in calls if call.error == _OUTAGE]
    if not refused:
        return ""
    over = max(refused)
    ours = [call for call in calls if call.ok and _moment(call) >= created.at and _is_letter(call)]
    during = [call for call in ours if _moment(call) < over]
    after = [call for call in ours if _moment(call) >= over]
    owed = _owed(channel, events, created, min(map(_moment, after), default=over) - _SURELY_LATE)
    late = [what for what in owed if any(what in _text(call) and _SAYS_SO in _text(call) for call in after)]
    if owed and len(late) == len(owed) and not during:
        return came_late(channel)
    return f"{channel}: {len(late)} of {len(owed)} letters came late and said so, {len(during)} during the outage"


def _owed(channel: str, events: Sequence[ev.Event], created: ev.LaunchCreated, until: datetime) -> list[str]:
    """Words of each letter that is owed."""
    if channel == "slack":
        asks = [one.ask for one in events if isinstance(one, ev.AskOpened) and one.at < until]
        return [json.dumps(f"{created.launch}/{ask}") for ask in dict.fromkeys(asks)]
    phases = [one.phase for one in events if isinstance(one, ev.PhaseStarted) and one.at < until]
    return [f": {phase} began" for phase in dict.fromkeys(phases)]


def _is_letter(call: Call) -> bool:
    return call.method.startswith(("chat.", "POST "))


def _text(call: Call) -> str:
    return json.dumps(call.body, ensure_ascii=False)


def _moment(call: Call) -> datetime:
    return datetime.fromisoformat(call.time)
