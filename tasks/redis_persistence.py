"""What a Redis would lose in a crash, by its settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from tminus.errors import CouldNotObserve

if TYPE_CHECKING:
    import redis.asyncio

# How long each leaves a write without an fsync; "no" leaves it to the kernel, which on Linux takes 30 s at most.
# Source: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/#how-durable-is-the-append-only-file
_FSYNC_S: Mapping[str, int] = {"always": 0, "everysec": 1, "no": 30}


class State(BaseModel, frozen=True):
    """The fields of INFO persistence that are judged. See https://redis.io/docs/latest/commands/info/."""

    aof_enabled: bool
    aof_last_write_status: str = "ok"
    aof_last_bgrewrite_status: str = "ok"
    rdb_last_bgsave_status: str = "ok"
    rdb_last_save_time: int = Field(ge=0, lt=10**11)

    def failing(self) -> list[str]:
        """What did not succeed when it was last tried."""
        tried = {
            "append": self.aof_last_write_status,
            "rewrite": self.aof_last_bgrewrite_status,
            "snapshot": self.rdb_last_bgsave_status,
        }
        return [name for name, status in tried.items() if status != "ok"]


class Settings(BaseModel, frozen=True):
    """What decides how much can be lost.

    Attributes:
        appendfsync: how often the append-only file is forced to disk.
        during_rewrite: whether nothing is forced while the file is written anew.
        save: when snapshots are made: seconds and changes, in turn.
    """

    appendfsync: str
    during_rewrite: str = Field(alias="no-appendfsync-on-rewrite")
    save: str


async def settings(client: "redis.asyncio.Redis") -> Settings | None:
    """None where the server does not tell them, as managed ones do not."""
    import redis.exceptions

    try:
        found: dict[str, str] = {}
        for name in ("appendfsync", "no-appendfsync-on-rewrite", "save"):
            found |= _texts(await client.config_get(name))
    except redis.exceptions.ResponseError:
        return None
    return Settings.model_validate(found)


def worst_loss(state: State, set_to: Settings) -> int | None:
    """The most seconds of writes that a crash can lose; None where nothing bounds it.

    A snapshot bounds it only by a rule that a single change fulfils, and nothing does that failed when last tried.
    Raises CouldNotObserve for settings that no Redis has.
    """
    failing = state.failing()
    if state.aof_enabled:
        if set_to.appendfsync not in _FSYNC_S:
            raise CouldNotObserve(f"appendfsync is {set_to.appendfsync[:20]!r}, which no Redis knows")
        unsynced = _FSYNC_S["no"] if set_to.during_rewrite == "yes" else 0
        return None if "append" in failing else max(_FSYNC_S[set_to.appendfsync], unsynced)
    spans = [seconds for seconds, changes in _rules(set_to.save) if changes <= 1]
    return None if "snapshot" in failing else min(spans, default=None)


def _rules(save: str) -> list[tuple[int, int]]:
    parts = save.split()
    if len(parts) % 2 or not all(part.isdecimal() for part in parts):
        raise CouldNotObserve(f"save is {save[:60]!r}, which is not pairs of seconds and changes")
    return [(int(seconds), int(changes)) for seconds, changes in zip(parts[::2], parts[1::2], strict=True)]


def _texts(found: Mapping[str | None, str | None]) -> dict[str, str]:
    """CONFIG GET's answer, which comes as bytes or as text, as the client was made."""
    return {_text(name): _text(value) for name, value in found.items()}


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
