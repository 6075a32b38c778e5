"""One look of a check at files that a test has written, through an estate of its own."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from tasks.check import Check
from tasks.vocabulary import KINDS
from tests.conftest import Estates
from tminus.outcome import Outcome


def put(folder: Path, name: str, content: str | bytes) -> Path:
    """A file below the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def check(kind: str, expect: Mapping[str, str], **given: JsonValue) -> Check:
    """A check as a book would name it; raises ValidationError for what a book may not say."""
    spec = KINDS[kind].model_validate({**given, "expect": dict(expect)})
    assert isinstance(spec, Check)
    return spec


async def looked(estates: Estates, kind: str, expect: Mapping[str, str], **given: JsonValue) -> Outcome:
    """What the check says of the test's own folder, which is that of the artifacts and of the documents too."""
    folder = str(estates.folder)
    async with estates.make(artifacts=folder, documents=folder) as estate:
        return await check(kind, expect, **given).observe(estate)


def found(outcome: Outcome) -> dict[str, str]:
    """Name → what was measured, as it is shown."""
    return {one.name: str(one).removeprefix(f"{one.name} ") for one in outcome.found}
