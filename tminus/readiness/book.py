"""A readiness checklist as data: chapters of sections of lines, each line observed, read in a document, or attested."""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field, SerializeAsAny, StringConstraints, WithJsonSchema, model_validator

from tminus.clock import Duration
from tminus.expectation import Expectation
from tminus.runbook import Severity, Slug, Spec

Every = Literal["week", "month", "quarter"]
Ref = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(?:/[a-z0-9+-]+){1,3}$")]

# A quantity as people write it: `1 h`, or a plain 3.
Said = Annotated[str, Field(coerce_numbers_to_str=True), WithJsonSchema({"type": ["string", "number"]})]


class Bound(StrEnum):
    """By what a line is judged: a system or a parsed artifact, a written document, or a person's word."""

    OBSERVED = "observed"
    DOCUMENT = "document"
    ATTESTED = "attested"


class Holds(StrEnum):
    """What the lines of a section are in the checklist."""

    BOXES = "boxes"
    CRITERIA = "criteria"
    METRICS = "metrics"
    OPERATIONS = "operations"
    CONTACTS = "contacts"
    REVIEW = "review"
    SIGN_OFFS = "sign-offs"
    NEXT_STEPS = "next-steps"


class Attested(Spec, frozen=True):
    """A person with `role` states it, signed, until a date.

    Attributes:
        role: who may state it.
        statement: what they state, in the first person.
        valid_for: how long a statement holds at most.
    """

    kind: Literal["attestation"] = "attestation"
    role: str
    statement: str
    valid_for: Duration


class SignedOff(Spec, frozen=True):
    """The release's sign-off holds a yes of this role.

    Attributes:
        role: whose.
    """

    kind: Literal["sign_off"] = "sign_off"
    role: str


class Baseline(BaseModel, frozen=True, extra="forbid"):
    """A goal that is a change: against the first value of the period, which is frozen then.

    Attributes:
        measurement: which measurement of the line's check.
        per: the period at whose beginning the value is frozen.
        change: by how much it must differ: `<= -20 %`.
    """

    measurement: str
    per: Literal["month", "quarter"]
    change: Expectation


class Line(BaseModel, frozen=True, extra="forbid"):
    """One line of the checklist.

    Attributes:
        ref: its place in the checklist: system, chapter, section and number.
        title: what it claims.
        checks: what observes it; all must pass.
        at_launch: steps of the system's launch that observe it then.
        same_as: the line that makes the very same claim, and judges this one.
        part: whether it stands under the line before it.
        claimed: whether the checklist's author ticked it; a claim is no evidence.
        owner: the role that mends it.
        fresh_for: how long evidence counts; what is older is no pass.
        timeout: how long one check may take.
        why: why it is bound so, where that is not obvious.
        promises: what the line promises elsewhere too, by name (`rpo: 1 h`), for finding contradictions.
    """

    WAYS: ClassVar[tuple[str, ...]] = ("checks", "attestation", "sign_off", "at_launch", "same_as")

    ref: Ref
    title: str
    owner: str
    checks: tuple[SerializeAsAny[Spec], ...] = ()
    attestation: Attested | None = None
    sign_off: SignedOff | None = None
    at_launch: tuple[Slug, ...] = ()
    same_as: Ref | None = None
    part: bool = False
    claimed: bool = False
    severity: Severity = Severity.BLOCKING
    waivable: bool = True
    fresh_for: Duration = timedelta(hours=24)
    timeout: Duration = timedelta(seconds=30)
    why: str = ""
    baseline: Baseline | None = None
    promises: dict[str, Said] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> "Line":
        ways = [name for name in self.WAYS if getattr(self, name)]
        if len(ways) != 1:
            found = " and ".join(ways) or "none of them"
            raise ValueError(f"expected one of check, all, attestation, sign_off, at_launch and same_as; found {found}")
        return self

    @property
    def digest(self) -> str:
        """Of what it takes for the line to hold. Evidence and waivers count only for the digest they were made for."""
        told = self.model_dump_json(include={"checks", "attestation", "sign_off", "at_launch", "same_as", "baseline"})
        return sha256(told.encode()).hexdigest()[:16]

    @property
    def blocking(self) -> bool:
        """Whether the system is not ready while it does not hold."""
        return self.severity is Severity.BLOCKING


class Section(BaseModel, frozen=True, extra="forbid"):
    """Lines under one heading.

    Attributes:
        section: the part of its lines' refs before their number.
        owner: who mends them, where a line names nobody.
        holds: what its lines are in the checklist.
        every: how often its lines are due again, where they recur.
    """

    section: Slug
    title: str
    owner: str
    holds: Holds = Holds.BOXES
    every: Every | None = None
    lines: tuple[Line, ...] = Field(min_length=1)

    @property
    def place(self) -> str:
        """Its place in the checklist, which no two sections share: what its lines' refs begin with."""
        return self.lines[0].ref.rpartition("/")[0]


class Chapter(BaseModel, frozen=True, extra="forbid"):
    """One file: a chapter of the checklist.

    Attributes:
        order: its place among the chapters.
        may_waive: the roles that may accept a line that does not hold, until a date.
    """

    readiness: Slug
    system: Slug
    title: str
    order: int
    may_waive: tuple[str, ...] = ()
    sections: tuple[Section, ...] = Field(min_length=1)


class Checklist(BaseModel, frozen=True, extra="forbid"):
    """All chapters of one system, in order."""

    system: Slug
    chapters: tuple[Chapter, ...] = Field(min_length=1)

    def sections(self) -> Iterator[tuple[Chapter, Section]]:
        """All sections, in the order of the checklist."""
        for chapter in self.chapters:
            for section in chapter.sections:
                yield chapter, section

    def lines(self) -> Iterator[Line]:
        """All lines, in the order of the checklist."""
        for _, section in self.sections():
            yield from section.lines

    def line(self, ref: str) -> Line | None:
        """The line at `ref`."""
        return next((line for line in self.lines() if line.ref == ref), None)

    def judged_by(self, line: Line) -> Line:
        """The line whose evidence judges this one: itself, or the one it is the same as."""
        return line if line.same_as is None else next(one for one in self.lines() if one.ref == line.same_as)

    def may_waive(self, ref: str) -> tuple[str, ...]:
        """The roles that may waive a line."""
        return next((one.may_waive for one, section in self.sections() if any(x.ref == ref for x in section.lines)), ())
