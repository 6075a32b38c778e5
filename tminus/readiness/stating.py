"""People's words about lines: taken only from who may say them, signed, and written into the system's chain."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from tminus import events as ev
from tminus.chain_names import readiness_chain
from tminus.clock import now, parse_duration, show_duration
from tminus.errors import Refused, UsageError
from tminus.ledger.store import Entry
from tminus.people import Person
from tminus.personal_key import PersonalKey
from tminus.readiness.book import Line
from tminus.readiness.opened import Opened

_LINK = 80  # characters of a mistake that are shown
_Said = TypeVar("_Said", ev.LineAttested, ev.LineWaived)


def date_of(text: str) -> datetime:
    """`2026-12-31` (its end, in UTC), a moment with its zone, or a length from now such as `30d`; raises UsageError."""
    try:
        return now() + parse_duration(text)
    except ValueError:
        pass
    except OverflowError as e:
        raise UsageError(f"{text!r} is longer than time goes on; write one such as 30d") from e
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise UsageError(f"{text!r} is no date; write one such as 2026-12-31, or a length such as 30d") from e
    if len(text) == len("2026-12-31"):
        return moment.replace(hour=23, minute=59, second=59, tzinfo=UTC)
    if moment.tzinfo is None:
        raise UsageError(f"{text!r} names no time zone; add one, such as {text}Z")
    return moment


def state(opened: Opened, line: Line, key_file: Path, link: str, reason: str, until: datetime) -> ev.LineAttested:
    """A statement that a line holds; raises UsageError, Refused, LedgerError."""
    judge = opened.checklist.judged_by(line)
    wanted = judge.attestation
    if wanted is None:
        accept_it = f"`tminus line waive {line.ref} --until DATE --reason WHY --environment FILE --people FILE`"
        raise UsageError(f"{line.ref} is observed, not stated; to accept that it does not hold: {accept_it}")
    if judge is not line:
        raise UsageError(f"{line.ref} is the same as {judge.ref}; state that one")
    _refuse_no_link(link)
    key, person = _who(opened, key_file)
    if wanted.role not in person.roles:
        raise Refused(f"{person.name} is no {wanted.role}, and {line.ref} is for one to state")
    _until(until, now() + wanted.valid_for, f"a statement about it holds {show_duration(wanted.valid_for)} at most")
    said = ev.LineAttested(
        ref=line.ref,
        person=person.id,
        role=wanted.role,
        statement=wanted.statement,
        link=link,
        until=until,
        reason=reason,
    )
    return _written(opened, key, said)


def accept(opened: Opened, line: Line, key_file: Path, reason: str, link: str, until: datetime) -> ev.LineWaived:
    """A waiver of a line; raises UsageError, Refused, LedgerError."""
    if not line.waivable:
        raise Refused(f"{line.ref} cannot be waived: its book says `waivable: false`")
    if link:
        _refuse_no_link(link)
    roles = opened.checklist.may_waive(line.ref)
    key, person = _who(opened, key_file)
    role = next((role for role in roles if role in person.roles), None)
    if role is None:
        raise Refused(f"{person.name} may not waive {line.ref}; that is for {', '.join(roles) or 'nobody'}")
    _until(until, None, "")
    digest = opened.checklist.judged_by(line).digest
    said = ev.LineWaived(
        ref=line.ref, digest=digest, person=person.id, role=role, reason=reason, link=link, until=until
    )
    return _written(opened, key, said)


def _refuse_no_link(link: str) -> None:
    """Raises UsageError for what no browser would open, and for a link that holds a password."""
    try:
        parts = urlsplit(link)
        there = parts.scheme in {"http", "https"} and bool(parts.hostname) and not any(map(str.isspace, link))
    except ValueError:  # such as a bracket that is not closed
        there = False
    if not there:
        raise UsageError(f"{link[:_LINK]!r} is no link; write https://…")
    if parts.username or parts.password:
        raise UsageError(f"the link to {parts.hostname} holds a name or a password, and a ledger forgets nothing")


def _who(opened: Opened, key_file: Path) -> tuple[PersonalKey, Person]:
    if opened.people is None:
        raise UsageError("who may state things? Give --people")
    key = PersonalKey(key_file)
    return key, key.owner(opened.people)


def _until(until: datetime, latest: datetime | None, why: str) -> None:
    if until <= now():
        raise UsageError(f"{until:%Y-%m-%d %H:%M} UTC is in the past")
    if latest is not None and until > latest:
        raise UsageError(f"{until:%Y-%m-%d} is too late: {why}, until {latest:%Y-%m-%d}")


def _written(opened: Opened, key: PersonalKey, said: _Said) -> _Said:
    chain = readiness_chain(opened.checklist.system, opened.environment.environment)
    signed = said.model_copy(update={"signature": key.sign(chain, said)})
    store = opened.store()
    try:
        if store.head(chain) is None:
            store.open_chain(chain)
        store.append(Entry(chain, ev.write(signed)))
    finally:
        store.close()
    return signed
