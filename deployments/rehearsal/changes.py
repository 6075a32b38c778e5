"""A counter that long-polling readers wait on."""

import asyncio


class Changes:
    """Counts changes; a reader waits until the count has passed what it has already seen."""

    def __init__(self) -> None:
        self.revision = 0
        self._moved = asyncio.Event()

    def bump(self) -> int:
        """Count one more change, wake everyone who waits, and return the new count."""
        self.revision += 1
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        return self.revision

    async def wait(self, since: int, seconds: float) -> int:
        """The count as soon as it is above `since`, or after `seconds` whatever it is then.

        A reader that has seen more than there ever was (it knew another process) gets the count at once.
        """
        if since > self.revision:
            return self.revision
        try:
            async with asyncio.timeout(seconds):
                while self.revision <= since:
                    await self._moved.wait()
        except TimeoutError:
            pass
        return self.revision
