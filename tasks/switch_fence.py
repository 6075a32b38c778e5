"""Who may switch: one at a time, and nobody whose lease a later conductor has taken over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks import nginx_upstream
from tasks.lock_file import HeldLock, hold
from tminus.errors import ActionFailed

LOCK_WITHIN = 10.0  # seconds; longer than a reload takes


@dataclass(frozen=True, slots=True)
class Admitted:
    """The right to rewrite the include file, as long as the lock is held.

    Attributes:
        held: the lock, for the commands run meanwhile.
        token: the token that was let in.
        record: the file that holds the highest token that has changed anything.
    """

    held: HeldLock
    token: int
    record: Path

    def enter(self) -> None:
        """Shuts out lower tokens from now on; call it before the first change. Raises ActionFailed (nothing began)."""
        nginx_upstream.write(self.record, f"{self.token}\n")


def lock_of(include: Path) -> Path:
    """The lock beside an include file."""
    return include.with_name(f"{include.name}.lock")


@asynccontextmanager
async def admitted(include: Path, token: int) -> AsyncIterator[Admitted]:
    """Holds the lock beside the include file, and compares the token under it.

    Raises ActionFailed (nothing began) where a higher token has switched before, or the lock stays held.
    """
    async with hold(lock_of(include), LOCK_WITHIN) as held:
        record = include.with_name(f"{include.name}.token")
        highest = _highest(record)
        if token < highest:
            raise ActionFailed(
                f"{include}: fenced off: this conductor's token is {token}, and token {highest} has switched already; "
                "a newer conductor runs this launch, so stop this one",
                began=False,
            )
        yield Admitted(held, token, record)


def _highest(record: Path) -> int:
    if not record.exists():
        return 0
    text = (nginx_upstream.text_of(record) or "").strip()
    if not text.isdecimal():
        raise ActionFailed(
            f"{record}: holds no token, so it is not known whom it shuts out; find out which conductor runs, then "
            "write its token there, or remove the file",
            began=False,
        )
    return int(text)
