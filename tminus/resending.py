"""Dead letters made due again: at their own place in the order, and only where they still say something."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from tminus.errors import UsageError
from tminus.ledger.store import Row, Store
from tminus.messages.forms import PagerDutyLetter, SlackLetter

# What is tried again counts as tried once: where an answer was lost, the courier looks first whether it arrived.
_TRIED = 1
_LOOKS = "SELECT id, chain, channel, key, body, state FROM outbox "


class Came(StrEnum):
    """What asking for a letter came to."""

    DUE = "due again"
    OVER = "over"
    LEFT = "left"


@dataclass(frozen=True)
class Resent:
    """One letter that was asked for.

    Attributes:
        why: in words, what was done with it, or why nothing was.
    """

    id: int
    chain: str
    channel: str
    key: str
    came: Came
    why: str


@dataclass(frozen=True)
class _Letter:
    id: int
    chain: str
    channel: str
    key: str
    body: str
    state: str

    @property
    def about(self) -> str:
        """`message` or `incident`: what letters with this key all speak of; "" where this one stands for itself."""
        try:
            if self.channel == "slack":
                return "message" if SlackLetter.model_validate_json(self.body).living else ""
            return "" if PagerDutyLetter.model_validate_json(self.body).op == "change" else "incident"
        except ValidationError:
            return ""


def resend(store: Store, letters: Sequence[int]) -> list[Resent]:
    """Makes these letters due again, if they are dead; in the order in which they will be sent.

    One that arrived, or waits already, is left as it is. Of a living message, and of an incident, only the newest
    letter counts: an older one would show what is no longer so, or wake somebody for what is over, so it is taken out.

    Raises UsageError where there is no letter of a number, having changed nothing; LedgerUnreachable.
    """
    wanted = dict.fromkeys(letters)
    found = {
        number: _letter(row) for number in wanted for row in store.look(f"{_LOOKS} WHERE id = :id", {"id": number})
    }
    if unknown := [str(number) for number in wanted if number not in found]:
        raise UsageError(f"the outbox has no letter {', '.join(unknown)}, and nothing was changed; see `tminus outbox`")
    # The newest first: what is made due again takes the place of those before it.
    return [_resent(store, found[number]) for number in sorted(found, reverse=True)][::-1]


def dead_letters(store: Store, launch: str | None = None) -> list[int]:
    """The numbers of all dead letters, or of those of one launch."""
    rows = store.look(
        "SELECT id FROM outbox WHERE state = 'dead' AND (CAST(:chain AS TEXT) IS NULL OR chain = :chain) ORDER BY id",
        {"chain": launch},
    )
    return [int(str(row[0])) for row in rows]


def _resent(store: Store, letter: _Letter) -> Resent:
    if letter.state != "dead":
        had = {"sent": "it arrived", "superseded": "a newer letter said all that it did", "due": "it waits already"}
        return _said(letter, Came.LEFT, had.get(letter.state, letter.state))
    newer = _newer(store, letter)
    if newer is not None:
        store.run("UPDATE outbox SET state = 'superseded' WHERE id = :id AND state = 'dead'", {"id": letter.id})
        return _said(letter, Came.OVER, f"letter {newer} says how the same {letter.about} stands since, so it is over")
    rows = store.run(
        "UPDATE outbox SET state = 'due', attempts = :tried, refusals = 0, due = clock(), claimed_until = 0 "
        "WHERE id = :id AND state = 'dead' RETURNING id",
        {"id": letter.id, "tried": _TRIED},
    )
    return (
        _said(letter, Came.DUE, "it is due again") if rows else _said(letter, Came.LEFT, "somebody resent it just now")
    )


def _newer(store: Store, letter: _Letter) -> int | None:
    """The newest letter about the same message or incident that arrived, or will."""
    if not letter.about:
        return None
    rows = store.look(
        f"{_LOOKS} WHERE chain = :chain AND channel = :channel AND key = :key AND id > :id "
        "AND state IN ('sent', 'due') ORDER BY id DESC",
        {"chain": letter.chain, "channel": letter.channel, "key": letter.key, "id": letter.id},
    )
    return next((one.id for one in map(_letter, rows) if one.about == letter.about), None)


def _said(letter: _Letter, came: Came, why: str) -> Resent:
    return Resent(letter.id, letter.chain, letter.channel, letter.key, came, why)


def _letter(row: Row) -> _Letter:
    return _Letter(int(str(row[0])), *(str(value) for value in row[1:]))
