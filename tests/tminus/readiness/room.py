"""A small checklist with checks that come to whatever a test says, and the people who may state things about it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import Field

from tminus.expectation import Expectation
from tminus.outcome import Outcome, Verdict
from tminus.people import People, Person
from tminus.readiness.book import Checklist
from tminus.readiness.source import build_checklist
from tminus.runbook import Spec
from tminus.yaml_source import Source

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


class Counted(Spec, frozen=True):
    """Stands for a check that counts."""

    verb: ClassVar[str] = "check"
    measures: ClassVar[dict[str, str]] = {"count": "", "lag": "ms", "word": "word"}
    kind: Literal["made.counted"] = "made.counted"
    of: str = "things"
    expect: dict[str, Expectation] = Field(min_length=1)


class Paper(Counted, frozen=True):
    """Stands for a check that reads a document."""

    bound: ClassVar[str] = "document"
    kind: Literal["made.paper"] = "made.paper"  # type: ignore[assignment]  # another kind with the same fields


KINDS: dict[str, type[Spec]] = {"made.counted": Counted, "made.paper": Paper}
CHECK = 'check: made.counted, expect: {count: "= 1"}'


def book(*lines: str, head: str = "may_waive: [engineering_lead]") -> str:
    """A chapter whose one section has these lines, each the inside of a YAML mapping."""
    listed = "\n".join(f"      - {{ref: shop/testing/unit/{number}, {line}}}" for number, line in enumerate(lines, 1))
    return (
        f"readiness: testing\nsystem: shop\ntitle: Testing\norder: 1\n{head}\nsections:\n  - section: unit\n"
        f"    title: Unit\n    owner: engineering_lead\n    lines:\n{listed}\n"
    )


def source(folder: Path, text: str, name: str = "1.yaml") -> Source:
    """The file, written and read."""
    path = folder / name
    path.write_text(text, "utf-8")
    return Source.read(path)


def checklist(folder: Path, *lines: str) -> Checklist:
    """The Checklist of `book(*lines)`."""
    return build_checklist([source(folder, book(*lines))], [], KINDS)


def seen(verdict: Verdict = Verdict.PASS, ago: timedelta = timedelta(0), summary: str = "seen") -> Outcome:
    """An outcome of so long before AT."""
    return Outcome(verdict=verdict, summary=summary, at=AT - ago)


def person(folder: Path, identity: str, *roles: str) -> Person:
    """Somebody with these roles, whose private key is in `folder` under their id."""
    key = Ed25519PrivateKey.generate()
    (folder / identity).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return Person(id=identity, name=identity.title(), roles=frozenset(roles), key=public)


def crew(folder: Path) -> People:
    """An engineering lead and a product manager."""
    lead, manager = person(folder, "lead", "engineering_lead"), person(folder, "manager", "product_manager")
    return People(people=(lead, manager))
