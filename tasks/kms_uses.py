"""Who wrote under an old key after its successor was current: kept with the new key, since what they wrote is moved."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from tasks.kms_keys import KmsKeys
from tasks.kms_sweep import Came, Fate, Place
from tasks.rotators.rotator import Use
from tminus.clock import now

_USED = "tminus-used-"


class Uses:
    """How often something was found under the old key, and when last, by places.

    Args:
        keys: KMS.
        kept_on: the id of the new key, whose tags hold it.
    """

    def __init__(self, keys: KmsKeys, kept_on: str) -> None:
        self._keys = keys
        self._kept_on = kept_on

    async def add(self, places: Sequence[Place], lately: Sequence[Counter[Fate]]) -> None:
        """Notes what a pass has found now."""
        looked = zip(places, lately, strict=True)
        found = {place.mark: one[Fate.MOVED] + one[Fate.RESTLESS] for place, one in looked}
        if not any(found.values()):
            return
        tags = await asyncio.to_thread(self._keys.tags, self._kept_on)
        notes = {
            f"{_USED}{mark}": f"{_read(tags, mark)[0] + times}@{now().isoformat()}"
            for mark, times in found.items()
            if times
        }
        await asyncio.to_thread(self._keys.tag, self._kept_on, notes)

    async def of(self, places: Sequence[Place]) -> list[Use]:
        """What was noted."""
        tags = await asyncio.to_thread(self._keys.tags, self._kept_on)
        read = [(place.called, *_read(tags, place.mark)) for place in places]
        return [Use(f"whoever writes {called}", times, last) for called, times, last in read if last is not None]

    @staticmethod
    def left(places: Sequence[Place], came: Sequence[Came]) -> list[Use]:
        """What is under the old key, and was only counted."""
        counted = [(place.called, one.fates[Fate.LEFT]) for place, one in zip(places, came, strict=True)]
        return [Use(f"{called} under the key", times, now()) for called, times in counted if times]


def _read(tags: dict[str, str], mark: str) -> tuple[int, datetime | None]:
    times, _, last = tags.get(f"{_USED}{mark}", "").partition("@")
    try:
        return int(times), datetime.fromisoformat(last)
    except ValueError:
        return 0, None
