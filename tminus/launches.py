"""Every launch in a ledger, at a glance."""

from pydantic import BaseModel, ValidationError

from tminus import events as ev
from tminus.ledger.store import Store

_TAIL = 8  # events at a chain's end among which its closing stands, if it has one
_ENDS = """
SELECT event.chain, event.seq, event.body FROM event JOIN chain ON chain.chain = event.chain
WHERE event.seq = 1 OR event.seq > chain.seq - :tail ORDER BY event.chain, event.seq
"""


class LaunchLine(BaseModel, frozen=True):
    """A launch in one line; `result` and `sentence` are None while it is under way."""

    launch: str
    title: str
    environment: str
    created: ev.Time
    t0: ev.Time
    result: ev.Result | None
    sentence: str | None


def list_launches(store: Store) -> list[LaunchLine]:
    """All launches, the latest first; chains that begin with anything else are none. Raises LedgerUnreachable."""
    chains: dict[str, list[ev.Event]] = {}
    for chain, _seq, body in store.look(_ENDS, {"tail": _TAIL}):
        event = _read(str(body))
        if event is not None:
            chains.setdefault(str(chain), []).append(event)
    found = [_line(events[0], events) for events in chains.values() if isinstance(events[0], ev.LaunchCreated)]
    return sorted(found, key=lambda line: line.created, reverse=True)


def _read(body: str) -> ev.Event | None:
    try:
        return ev.read(body)
    except ValidationError:
        return None  # a chain of another kind, or of a later version


def _line(created: ev.LaunchCreated, events: list[ev.Event]) -> LaunchLine:
    closed = next((event for event in events if isinstance(event, ev.LaunchClosed)), None)
    return LaunchLine(
        launch=created.launch,
        title=created.title,
        environment=created.environment_name,
        created=created.at,
        t0=created.t0,
        result=closed.result if closed else None,
        sentence=closed.sentence if closed else None,
    )
