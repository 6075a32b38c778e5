"""Every launch in a ledger, at a glance."""

from pydantic import BaseModel, ValidationError

from tminus import events as ev
from tminus.chain_names import is_only_answered
from tminus.ledger.chain import Head
from tminus.ledger.directory import listed
from tminus.ledger.store import Store


class LaunchLine(BaseModel, frozen=True):
    """A launch in one line; `sentence` is None while it is under way, `result` too where its end cannot be read."""

    launch: str
    title: str
    environment: str
    created: ev.Time
    t0: ev.Time
    result: ev.Result | None
    sentence: str | None


def list_launches(store: Store) -> list[LaunchLine]:
    """All launches, the latest first; sign-offs are none, nor is a chain that begins with anything else.

    A launch is over where the directory says so, whatever stands in its chain after its end. Raises LedgerError.
    """
    closed = {one.chain: Head.parse(one.head) for one in listed(store) if one.what == "closed"}
    found = []
    for chain, body in store.look("SELECT chain, body FROM event WHERE seq = 1", {}):
        created = _read(str(body))
        if isinstance(created, ev.LaunchCreated) and not is_only_answered(str(chain)):
            found.append(_line(store, created, closed.get(str(chain))))
    return sorted(found, key=lambda line: line.created, reverse=True)


def _read(body: str) -> ev.Event | None:
    try:
        return ev.read(body)
    except ValidationError:
        return None  # a chain of another kind, or of a later version


def _line(store: Store, created: ev.LaunchCreated, end: Head | None) -> LaunchLine:
    result, sentence = _end(store, end) if end is not None else (None, None)
    return LaunchLine(
        launch=created.launch,
        title=created.title,
        environment=created.environment_name,
        created=created.at,
        t0=created.t0,
        result=result,
        sentence=sentence,
    )


def _end(store: Store, end: Head) -> tuple[ev.Result | None, str]:
    """How a launch ended, by the event that the directory names."""
    rows = store.look(
        "SELECT body FROM event WHERE chain = :chain AND seq = :seq", {"chain": end.chain, "seq": end.seq}
    )
    event = _read(str(rows[0][0])) if rows else None
    if isinstance(event, ev.LaunchClosed):
        return event.result, event.sentence
    return None, f"It is over, and how cannot be read; `tminus ledger verify {end.chain}` says why."
