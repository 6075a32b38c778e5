"""One restore point across stores: what each has, once it is restored, held against what the others have.

A store that holds mark N holds whatever was written before it, since a mark goes through the store as any change does.
So a store is held to its own newest mark: what any other store has, and wrote before that, it must have too. What was
written later is no disagreement, and neither is what was written so shortly before that it may still have been on its
way (`settles`). The oldest of these marks is the point that all have in common.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tminus import events as ev
from tminus.backups.book import BackupBook
from tminus.backups.contents import Marker
from tminus.backups.together_book import Agreement, Together
from tminus.backups.together_sets import Lacks, Sets
from tminus.errors import CouldNotObserve
from tminus.expectation import Expectation, Measurement
from tminus.outcome import Observation, Outcome, Verdict, judge
from tminus.spoken import counted, day_said, listed

_EXPECTED = {"stores_disagree": Expectation("= 0")}
_NAMED = 3  # disagreements in a sentence


@dataclass
class Answers:
    """What one store is asked while it is up, and how far it answered; whoever restored it fills this in.

    Attributes:
        questions: number → the question, in the store's own language.
        mark: the newest mark in the restored data, once everything was answered.
        holds_until: what was written to the live store before this is in the restored one.
        why: why it did not answer; "" where it did.
    """

    store: str
    questions: Mapping[int, str]
    _sets: Sets
    mark: Marker | None = None
    holds_until: datetime | None = None
    why: str = ""

    def add(self, question: int, identity: bytes, at: float | None = None, *, gone: bool = False) -> None:
        """One id; see Sets.add."""
        self._sets.add(question, self.store, identity, at, gone=gone)

    def done(self, mark: Marker, copied_from: datetime, copied_until: datetime) -> None:
        """Everything was answered.

        Args:
            mark: the newest mark in the restored data.
            copied_from: what was written before this moment is in the copy.
            copied_until: what was written after this moment is not in the copy.
        """
        self._sets.written_until(self.store, copied_until.timestamp())
        self.mark, self.holds_until = mark, min(mark.at, copied_from)

    def failed(self, why: str) -> None:
        """It could not be asked."""
        self.why = why


@dataclass
class _Found:
    """What came of one group."""

    lacking: int = 0
    said: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)


class Comparison:
    """The comparisons of one verification: of the groups of which every store is looked at.

    Args:
        book: the book of backups.
        stores: which stores are looked at.
    """

    def __init__(self, book: BackupBook, stores: Sequence[str]) -> None:
        self._groups = {name: one for name, one in book.together.items() if set(one.stores) <= set(stores)}
        self._sets = Sets() if self._groups else None
        self._numbers: dict[tuple[str, int], int] = {}
        self._answers: dict[str, Answers] = {}
        asked: dict[str, dict[int, str]] = {}
        for group, together in self._groups.items():
            for place, one in enumerate(together.agree):
                number = self._numbers[group, place] = len(self._numbers)
                for store, question in one.ids.items():
                    asked.setdefault(store, {})[number] = question
        if self._sets is not None:
            self._answers = {name: Answers(name, questions, self._sets) for name, questions in asked.items()}

    def of(self, store: str) -> Answers | None:
        """What a store is asked; None where it is in no group that is compared."""
        return self._answers.get(store)

    def came(self, verification: str, looked: Sequence[ev.BackupVerified]) -> list[ev.StoresCompared]:
        """How each group came out.

        Args:
            verification: its name.
            looked: how the stores' own backups came out: it says why one was not restored.
        """
        bad = [one for one in looked if one.newest and one.outcome.verdict is not Verdict.PASS]
        why = {one.store: one.outcome.summary for one in bad}
        return [
            ev.StoresCompared(
                verification=verification,
                group=name,
                stores=together.stores,
                mark=self._common(together),
                outcome=self._outcome(name, together, why),
            )
            for name, together in self._groups.items()
        ]

    def close(self) -> None:
        """Throws away what was compared."""
        if self._sets is not None:
            self._sets.close()

    def _common(self, together: Together) -> Marker | None:
        marks = [mark for store in together.stores if (mark := self._answers[store].mark) is not None]
        return min(marks, key=lambda mark: mark.number) if len(marks) == len(together.stores) else None

    def _outcome(self, group: str, together: Together, why: Mapping[str, str]) -> Outcome:
        silent = [one for store in together.stores if (one := self._answers[store]).mark is None]
        if silent or self._sets is None:
            said = "; ".join(f"{one.store}: {one.why or why.get(one.store, 'it was not restored')}" for one in silent)
            return Outcome.unknown(f"not compared, since not every store could be asked: {said}")
        found = _Found()
        try:
            for place, agreement in enumerate(together.agree):
                self._compare(self._numbers[group, place], agreement, together.settles, found)
        except CouldNotObserve as e:
            return Outcome.unknown(f"not compared: {e}")
        measured = Measurement.number("stores_disagree", found.lacking)
        details = (*found.said, *found.unclear, *found.details, *self._marks(together))
        outcome = judge(
            _EXPECTED, Observation(found=(measured,), details=details, because="; ".join(found.said[:_NAMED]))
        )
        if outcome.verdict is Verdict.PASS and found.unclear:
            return outcome.model_copy(update={"verdict": Verdict.UNKNOWN, "summary": "; ".join(found.unclear)})
        if outcome.verdict is Verdict.PASS and (mark := self._common(together)) is not None:
            return outcome.model_copy(update={"summary": f"{listed(together.stores)} agree as of {mark_said(mark)}"})
        return outcome

    def _compare(self, number: int, one: Agreement, settles: timedelta, found: _Found) -> None:
        if self._sets is None:
            return
        has = {store: self._sets.count(number, store) for store in one.ids}
        judged = 0
        for store in one.ids:
            answers = self._answers[store]
            if answers.mark is None or answers.holds_until is None:
                continue
            horizon = (answers.holds_until - settles).timestamp()
            for other in one.ids:
                if other != store and (beyond := self._sets.not_judged(number, other, horizon)):
                    found.details.append(
                        f"{one.title}: {other} does not say of {beyond} when they were written, which may have been "
                        f"after {mark_said(answers.mark)}; whether {store} has them was not judged"
                    )
            if store in one.partial:
                continue
            judged += self._sets.due(number, store, horizon)
            lacks = self._sets.lacks(number, store, horizon)
            if lacks is not None:
                found.lacking += lacks.ids
                found.said.append(f"{one.title}: {_said(store, lacks, answers.mark)}")
        empty = [store for store, count in has.items() if not count]
        found.details.append(f"{one.title}: {', '.join(f'{store} has {count}' for store, count in has.items())}")
        if empty and any(has.values()):
            found.unclear.append(f"{one.title}: {listed(empty)} has none at all; does the book ask for the right ones?")
        elif not judged:
            found.unclear.append(f"{one.title}: nothing that a store has is old enough to be looked for in another")

    def _marks(self, together: Together) -> list[str]:
        marks = {store: self._answers[store].mark for store in together.stores}
        return [f"{store} holds {mark_said(mark)}" for store, mark in marks.items() if mark is not None]


def _said(store: str, lacks: Lacks, mark: Marker) -> str:
    """`cache lacks 3 that database has, written before mark 9 of … (the earliest at …)`."""
    try:
        earliest = day_said(datetime.fromtimestamp(lacks.earliest, UTC))
    except (OverflowError, ValueError, OSError):  # PostgreSQL's -infinity, or a year before Christ
        earliest = "a moment that no calendar has"
    return (
        f"{store} lacks {lacks.ids} that {listed(lacks.had_by)} {'has' if len(lacks.had_by) == 1 else 'have'}, written "
        f"before {mark_said(mark)}, the earliest by {earliest}"
    )


def mark_said(mark: Marker) -> str:
    """`mark 9 of 2026-11-22 02:31:07 UTC`."""
    return f"mark {mark.number} of {day_said(mark.at)}"


def compared_sentence(came: Sequence[ev.StoresCompared]) -> str:
    """`2 groups of stores compared, 1 disagrees: trading`; "" where none was."""
    if not came:
        return ""
    bad = {one.group: one.outcome for one in came if one.outcome.verdict is not Verdict.PASS}
    said = f"{counted(len(came), 'group')} of stores compared"
    if not bad:
        return f"{said}, all agree"
    return f"{said}; not proven to agree: {', '.join(f'{name} ({one.verdict})' for name, one in bad.items())}"
