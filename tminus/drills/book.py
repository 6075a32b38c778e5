"""The book of a system's drills: what is broken, how long it may take, how much may be lost, and who is asked."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field, SerializeAsAny, StringConstraints

from tminus.book_entries import named, with_kinds
from tminus.clock import Duration
from tminus.drills.guards import CheckKinds, Guard, with_checks
from tminus.errors import BookError
from tminus.runbook import Slug
from tminus.systems.pagerduty import ServiceId
from tminus.wording import nearest
from tminus.yaml_source import Place, Source, in_order, shown

EVIDENCE = ("database", "redis", "kafka")
"""What `failover.json` may have: a readiness book's lines read these."""
FILE = "drills.yaml"
"""What the book is called in a system's folder of books."""

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Text that is not empty."""


class Drill(BaseModel, frozen=True, extra="forbid"):
    """One scenario, as the book has it; what its kind needs besides, the kind adds.

    Attributes:
        kind: what is broken.
        rto: how long the system may be gone, from the first refused request to the first of those that stay good.
        rpo: how many seconds of acknowledged writes may be lost.
        rate: acknowledged writes a second that are made meanwhile.
        lead_in: how long the writes go on before anything is broken.
        patience: how long one stage may take, where that is not the environment's `drills.patience`.
        evidence: what its last drill is called in `failover.json`; see tminus.drills.evidence.
        guards: which of the book's must pass before it and while it runs; all of them where none is said.
        approval: the roles of which one is asked before it begins; the owner where none is said, nobody where it is
            an empty list.
        quiet: the ids of the PagerDuty services that page nobody while it is played.
        may_lose: in production, how many acknowledged writes somebody signed for; none may be lost without.
        sections: field → the part of the environment's `drills` in which what it names must be.
        needs: the sections of the environment itself without which it cannot be played.
    """

    sections: ClassVar[Mapping[str, str]] = {}
    needs: ClassVar[tuple[str, ...]] = ()

    kind: str
    title: Said
    owner: Said
    rto: Annotated[Duration, Field(gt=timedelta(0))]
    rpo: Annotated[Duration, Field(ge=timedelta(0))]
    rate: Annotated[int, Field(ge=1, le=2000)] = 100
    lead_in: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=3)
    patience: Annotated[Duration, Field(gt=timedelta(0))] | None = None
    evidence: Slug = ""
    guards: tuple[Slug, ...] | None = None
    approval: tuple[Said, ...] | None = None
    may_lose: Annotated[int, Field(ge=0)] = 0
    quiet: tuple[ServiceId, ...] = ()

    @property
    def others(self) -> tuple[str, ...]:
        """The other scenarios of the book that it is made of."""
        return ()

    @property
    def approvers(self) -> tuple[str, ...]:
        """The roles of which one is asked before it begins; nobody is where there is none."""
        return (self.owner,) if self.approval is None else self.approval


class DrillsBook(BaseModel, frozen=True, extra="forbid"):
    """`runbooks/SYSTEM/drills.yaml`.

    Attributes:
        drills: the system.
        monthly: which scenario each month plays, one after the other and then from the beginning.
        yearly: the full one, in January in place of the monthly.
        guards: what must hold for drills to begin and to go on, by a name each.
        scenarios: by a name of its own each.
    """

    drills: Slug
    title: Said
    monthly: tuple[Slug, ...] = ()
    yearly: Slug | None = None
    guards: dict[Slug, Guard] = Field(default_factory=dict)
    scenarios: dict[Slug, SerializeAsAny[Drill]] = Field(min_length=1)

    def guards_of(self, name: str) -> dict[str, Guard]:
        """What a scenario depends on."""
        wanted = self.scenarios[name].guards
        return {guard: one for guard, one in self.guards.items() if wanted is None or guard in wanted}

    def named(self, names: Sequence[str]) -> Iterator[tuple[str, Drill]]:
        """These, or all where none is named; raises UsageError for one that the book does not have."""
        return named(self.scenarios, names, self.drills, "drill")


def load_book(source: Source, kinds: Mapping[str, type[Drill]], checks: CheckKinds = dict) -> DrillsBook:
    """The book that a file says; raises BookError with every mistake and its line.

    Args:
        source: the file.
        kinds: the vocabulary of scenarios.
        checks: that of its guards.
    """
    read, wrong = with_checks(source, checks)
    book = source.load(book_of(kinds), read, wrong)
    if found := [source.mistake(place, shown(place), said) for place, said in contradictions(book)]:
        raise BookError(in_order(found))
    return book


def contradictions(book: DrillsBook) -> Iterator[tuple[Place, str]]:
    """What a book says that it contradicts itself: names of what it does not have, each with its place."""
    known = list(book.scenarios)
    for number, name in enumerate(book.monthly):
        if name not in book.scenarios:
            yield ("monthly", number), f"there is no scenario {name!r}{nearest(name, known)}"
        elif name in book.monthly[:number]:
            yield ("monthly", number), f"{name} stands there twice; each takes one turn, so leave one out"
    if book.yearly is not None and book.yearly not in book.scenarios:
        said = (
            f"there is no scenario {book.yearly!r}{nearest(book.yearly, known)}. What `yearly` names must stand under "
            "`scenarios` as any other, such as one of `kind: region.lost` whose `parts` are the others"
        )
        yield ("yearly",), said
    for name, drill in book.scenarios.items():
        yield from ((("scenarios", name, *place), said) for place, said in _contradictions_of(book, drill))


def _contradictions_of(book: DrillsBook, drill: Drill) -> Iterator[tuple[Place, str]]:
    known = [name for name, one in book.scenarios.items() if not one.others]
    for number, other in enumerate(drill.others):
        place = ("parts", number)
        if other not in book.scenarios:
            yield place, f"there is no scenario {other!r}{nearest(other, known)}"
        elif book.scenarios[other].others:
            yield place, f"{other!r} is made of parts itself; name those: {', '.join(book.scenarios[other].others)}"
        elif other in drill.others[:number]:
            yield place, f"{other} stands there twice; leave one out"
    for number, guard in enumerate(drill.guards or ()):
        if guard not in book.guards:
            meant = nearest(guard, list(book.guards)) or "; the book has no `guards`"
            yield ("guards", number), f"there is no guard {guard!r}{meant}"
    if drill.evidence and drill.evidence not in EVIDENCE:
        yield (
            ("evidence",),
            f"{drill.evidence!r} is nothing that a readiness line reads{nearest(drill.evidence, EVIDENCE)}",
        )


def book_of(kinds: Mapping[str, type[Drill]]) -> type[DrillsBook]:
    """The book whose scenarios have the fields of their kinds."""
    return with_kinds(DrillsBook, "scenarios", kinds)
