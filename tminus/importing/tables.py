"""Tables: which column names the item, which says that it is done; sign-offs, contacts and metrics by their columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tminus.importing.blocks import Row, Table
from tminus.importing.marks import box, sign, state
from tminus.importing.place import Place
from tminus.readiness.book import Holds

_ITEM = re.compile(
    r"^(?:checklist |check )?(?:items?|checks?|tasks?|requirements?|criteri(?:a|on)|questions?|controls?|actions?"
    r"|activit(?:y|ies)|deliverables?|steps?|practices?|what)$",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"^(?:names?|descriptions?|areas?|features?|components?|services?|metrics?|measures?|KPIs?|SL[IO]s?)$",
    re.IGNORECASE,
)
_METRIC = re.compile(r"^(?:metrics?|measures?|indicators?|KPIs?|SL[AIO]s?)$", re.IGNORECASE)
_TARGET = re.compile(
    r"^(?!.*\bdate\b).*\b(?:targets?|thresholds?|goals?|objectives?|limits?|expected|required)\b|^SL[AO]$",
    re.IGNORECASE,
)
_STATE = re.compile(
    r"^(?:status|state|done|completed?|ready|checked|check|implemented|ok|pass(?:ed)?|met|[✅✔✓☑]\ufe0f?|)\??$",
    re.IGNORECASE,
)
_ROLE = re.compile(r"^(?:roles?|approvers?|title|function|team)$", re.IGNORECASE)
_SIGNATURE = re.compile(r"\b(?:signature|signed?|sign-?off|approv(?:al|ed))\b", re.IGNORECASE)
_REACH = re.compile(r"\b(?:phone|mobile|e-?mail|pager|slack|contact)\b", re.IGNORECASE)
_OWNER = re.compile(
    r"^(?:owners?|owned by|assignees?|assigned(?: to)?|responsible(?: person)?|accountable|dri|lead|who)$",
    re.IGNORECASE,
)
_NUMBERING = re.compile(r"^(?:#|no\.?|nr\.?|id|number)$", re.IGNORECASE)


@dataclass(frozen=True)
class _Columns:
    """Where in a row things stand."""

    item: int
    target: int | None = None
    state: int | None = None
    holds: Holds = Holds.BOXES
    whole: bool = False


def take_table(place: Place, table: Table) -> None:
    """Takes a table's rows as lines, where its columns say what they are."""
    header = [place.plain(cell[:200]) for cell in table.header]
    columns = _columns(place, header, table.rows)
    if columns is None:
        place.note(table.line, "a table in which no column looks like an item", " | ".join(header[:8]))
        return
    for row in table.rows:
        _take_row(place, row, columns)
    _note_what_is_left(place, table, header, columns)


def _note_what_is_left(place: Place, table: Table, header: Sequence[str], columns: _Columns) -> None:
    """Who owns each row, and which other columns have something that no line says."""
    if columns.whole or columns.holds is Holds.SIGN_OFFS:
        return
    taken = {columns.item, columns.target, columns.state}
    left = [number for number, name in enumerate(header) if number not in taken and not _NUMBERING.match(name)]
    owners = [number for number in left if _OWNER.match(header[number].strip("* "))]
    for row in table.rows:
        for number in owners:
            if (owner := _cell(row, number).strip()) and _cell(row, columns.item).strip():
                said = f"{owner[:30]} of {_cell(row, columns.item).strip()}"
                place.note(row.line, "an owner; write the role that mends the line under `owner:`", said)
    others = [header[one] for one in left if one not in owners and any(_cell(row, one).strip() for row in table.rows)]
    if others:
        place.note(table.line, "columns of a table that no line takes", " | ".join(others[:8]))


def _columns(place: Place, header: Sequence[str], rows: Sequence[Row]) -> _Columns | None:
    role = _first(_ROLE, header)
    if role is not None and any(_SIGNATURE.search(name) for name in header):
        return _Columns(role, holds=Holds.SIGN_OFFS)
    target = next((number for number, name in enumerate(header) if _TARGET.match(name)), None)
    metric = _first(_METRIC, header)
    done = _done(header, rows)
    if target is not None and (metric is not None or place.topic is Holds.METRICS):
        return _Columns(metric if metric is not None else 0, target, done, Holds.METRICS)
    item = _first(_ITEM, [name if number != done else "" for number, name in enumerate(header)])
    reached = any(_REACH.search(name) for name in header) and item is None and done is None
    if place.topic is Holds.CONTACTS or reached:
        return _Columns(0, holds=Holds.CONTACTS, whole=True)
    if item is None and done is not None:
        item = _named(header, rows, done)
    if item is None:
        return None
    holds = Holds.CRITERIA if place.topic is Holds.CRITERIA else Holds.BOXES
    return _Columns(item, target, done, holds)


def _first(pattern: re.Pattern[str], names: Sequence[str]) -> int | None:
    return next((number for number, name in enumerate(names) if pattern.match(name.strip("* "))), None)


def _done(header: Sequence[str], rows: Sequence[Row]) -> int | None:
    """The column that says whether something is done: by its name, and by what stands in it."""
    for number, name in enumerate(header):
        cells = [row.cells[number] for row in rows if number < len(row.cells)]
        said = [state(cell) is not None for cell in cells]
        filled = any(cell.strip() for cell in cells)
        named = _STATE.match(name.strip("* ")) and (name.strip() or filled)
        if named and sum(said) * 2 >= len(said):
            return number
        marked = [cell for cell in cells if box(cell) or sign(cell)]
        if filled and marked and all(said) and not any(_words(cell) for cell in marked):
            return number
    return None


def _words(cell: str) -> str:
    found = box(cell) or sign(cell)
    return found[1].strip() if found else cell.strip()


def _named(header: Sequence[str], rows: Sequence[Row], done: int) -> int | None:
    """The column of the items where only that of their state is certain: by its name, else the first that has words."""
    others = [number for number in range(len(header)) if number != done and not _NUMBERING.match(header[number])]
    by_name = next((number for number in others if _NAME.match(header[number].strip("* "))), None)
    if by_name is not None:
        return by_name
    return next((one for one in others if any(re.search(r"[^\W\d_]{2}", _cell(row, one)) for row in rows)), None)


def _take_row(place: Place, row: Row, columns: _Columns) -> None:
    item = _cell(row, columns.item).strip()
    marked = box(item) or sign(item)
    claimed, text = marked or (False, item)
    if columns.state is not None:
        claimed = claimed or bool(state(_cell(row, columns.state)))
    if columns.whole:
        rest = [cell.strip() for cell in row.cells[1:] if cell.strip()]
        text = f"{text}: {' - '.join(rest)}" if text and rest else text
    elif columns.target is not None and _cell(row, columns.target).strip():
        text = f"{text}: {_cell(row, columns.target).strip()}"
    if not text.strip():
        place.note(row.line, "a row without an item", " | ".join(row.cells[:8]))
        return
    place.add(row.line, text, columns.holds, claimed=claimed and columns.holds is not Holds.SIGN_OFFS)


def _cell(row: Row, number: int) -> str:
    return row.cells[number] if number < len(row.cells) else ""
