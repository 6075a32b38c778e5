"""How a restored Redis differs from what was counted when its backup was taken; counts and hashes, never a key."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from tminus.backups.contents import ExpiringKeys, KeyCensus, RedisContents

_MARGIN = 1.0  # seconds between reading the clock and reading a key
_NAMED = 20


def redis_differences(
    taken: RedisContents, restored: RedisContents, taken_at: datetime, looked_at: datetime
) -> dict[str, str]:
    """Database (`database 0`), or `functions`, → what differs in it; empty where nothing does.

    How many keys there are, and how many expire, must agree whenever it is looked at, for a scratch server deletes no
    expired key. What has no time to live must agree to the byte. Of what has one, all that expires after `looked_at`
    must agree, to the byte and to the millisecond; of the rest nothing is left to be read.

    Args:
        taken: what was counted when it was taken.
        restored: what was counted in the restored copy.
        taken_at: the backup's moment.
        looked_at: when the last key of the restored copy had been read, by the clock of the machine that it is on.
    """
    found: dict[str, str] = {}
    after = (looked_at - taken_at).total_seconds() + _MARGIN
    for number in sorted({*taken.databases, *restored.databases}):
        wrong = list(_census(taken.databases.get(number), restored.databases.get(number), after))
        if wrong:
            found[f"database {number}"] = "; ".join(wrong)
    if taken.functions != restored.functions:
        gone = len(set(taken.functions) - set(restored.functions))
        more = len(set(restored.functions) - set(taken.functions))
        found["functions"] = f"{gone} libraries of functions are gone or changed, {more} are new"
    return found


def _census(taken: KeyCensus | None, restored: KeyCensus | None, after: float) -> Iterator[str]:
    if taken is None or restored is None:
        keys = (taken or restored or _NOTHING).keys
        yield f"it had {keys} keys, and is empty" if restored is None else f"it was empty, and has {keys} keys"
        return
    if taken.keys != restored.keys:
        yield f"it had {taken.keys} keys, and has {restored.keys}"
    if taken.expiring != restored.expiring:
        yield f"{taken.expiring} keys had a time to live, and {restored.expiring} have one"
    if taken.checksum != restored.checksum:
        yield "keys without a time to live have another content"
    wrong = _horizons(taken.horizons, restored.horizons, after)
    if wrong:
        yield f"keys that have not expired yet have another content, or expire at another time ({wrong} stretches)"
    yield from _types(taken, restored)


def _horizons(taken: tuple[ExpiringKeys, ...], restored: tuple[ExpiringKeys, ...], after: float) -> int:
    """How many stretches differ, of those in which nothing has expired yet."""
    before = {one.after: one for one in taken if one.after > after}
    now = {one.after: one for one in restored if one.after > after}
    return sum(before.get(start) != now.get(start) for start in {*before, *now})


def _types(taken: KeyCensus, restored: KeyCensus) -> Iterator[str]:
    """A type may have fewer keys by what expired, and never more."""
    more = [kind for kind, keys in sorted(restored.types.items()) if keys > taken.types.get(kind, 0)]
    if more:
        yield f"there are more keys than before of the types {', '.join(more[:_NAMED])}"
    fewer = _total(taken.types) - _total(restored.types)
    unread = restored.keys - _total(restored.types)
    if fewer > unread:
        yield f"{fewer} keys cannot be read any more, but {unread} had expired"


def _total(types: Mapping[str, int]) -> int:
    return sum(types.values())


_NOTHING = KeyCensus(keys=0, types={}, expiring=0, checksum="")
