"""A folder of logs that a test writes, and the check of them."""

import json
from datetime import timedelta

from tasks.checks.logs import ErrorSignatures
from tests.conftest import Estates
from tminus.clock import now
from tminus.outcome import Outcome

QUIET = {"new_signatures": "= 0"}


class Logs:
    """Logs of one service in a folder, and the check of them."""

    def __init__(self, estates: Estates) -> None:
        self.estates = estates
        self.pattern = str(estates.folder / "*.jsonl")

    def write(self, message: str, *, ago: float = 10, level: str = "error", file: str = "one", **more: object) -> None:
        """A line of so many seconds ago."""
        at = (now() - timedelta(seconds=ago)).isoformat(timespec="milliseconds")
        with (self.estates.folder / f"{file}.jsonl").open("a") as log:
            log.write(json.dumps({"time": at, "level": level, "message": message, **more}) + "\n")

    def usual(self, file: str = "one") -> None:
        """Nothing special, before the window and in it."""
        for ago in (90, 30):
            self.write("request", ago=ago, level="info", file=file)

    async def check(self, *patterns: str, window: str = "60s", **expect: str) -> Outcome:
        """The outcome, over the last minute against the one before."""
        check = ErrorSignatures.model_validate({"service": "trading", "window": window, "expect": expect or QUIET})
        command = {"argv": ["true"]}
        nginx = {
            "config": "/nginx.conf",
            "upstream": "trading",
            "include": "/upstream.conf",
            "reload": command,
            "pools": {"blue": [], "green": []},
        }
        service = {
            "front": "http://127.0.0.1:1",
            "nginx": nginx,
            "roll_out": {"run": command, "probe": command, "undo": command},
            "logs": patterns or (self.pattern,),
        }
        async with self.estates.make(services={"trading": service}) as estate:
            return await check.observe(estate)

    def raw(self, text: str, file: str = "one") -> None:
        """Text as it is."""
        with (self.estates.folder / f"{file}.jsonl").open("a") as log:
            log.write(text)
