"""The estate that leads to a world, and one look at it."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bench.worlds.world import Case, Sections
from tasks.check import Check
from tasks.estate import Estate
from tasks.vocabulary import KINDS
from tminus.environment import Environment
from tminus.outcome import Outcome
from tminus.release import Release

LAUNCH = "world-1"
_DIGEST = "sha256:" + "0" * 64
_OLD: Sections = {"version": "1.0.0", "artifact": "sha256:" + "1" * 64, "config": _DIGEST}
_RELEASE: Sections = {
    "release": "2.0.0",
    "system": "world",
    "ticket": "none",
    "services": {
        "api": {"version": "2.0.0", "artifact": _DIGEST, "config": _DIGEST, "rollback_to": _OLD},
    },
}


def environment_of(sections: Sections, folder: Path) -> Environment:
    """The smallest environment with these sections, in which everything is allowed."""
    return Environment.model_validate(
        {
            "environment": "world",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder / "state"),
            "allows": ["none", "probe", "synthetic", "load", "page"],
            **sections,
        }
    )


@contextmanager
def known_secrets(secrets: Mapping[str, str]) -> Iterator[None]:
    """The block in which these environment variables are set."""
    before = {name: os.environ.get(name) for name in secrets}
    os.environ.update(secrets)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def check_of(case: Case) -> Check:
    """The check that a case names; raises KeyError for an unknown kind, ValidationError for wrong parameters."""
    spec = KINDS[case.check].model_validate({**case.given, "expect": dict(case.expect)})
    if not isinstance(spec, Check):
        raise TypeError(f"{case.check} is no check")
    return spec


async def look(check: Check, sections: Sections, folder: Path, released: Sections | None = None) -> Outcome:
    """One look through an estate of its own, so that nothing is kept open from one world to the next.

    `released` is what its release says otherwise than that of all worlds.
    """
    async with estate_of(sections, folder, released) as estate:
        return await check.observe(estate)


@asynccontextmanager
async def estate_of(sections: Sections, folder: Path, released: Sections | None = None) -> AsyncIterator[Estate]:
    """The block in which an estate with these sections is open, of the launch `LAUNCH`."""
    release = Release.model_validate({**_RELEASE, **(released or {})})
    async with Estate(environment_of(sections, folder), release, LAUNCH, folder) as estate:
        yield estate
