"""A backup that is broken off, however rudely, leaves nothing of the customers' data behind."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tasks.action import State
from tasks.estate import Estate
from tests.conftest import LAUNCH, Estates, S3Server
from tests.tasks.backups.conftest import BACKUP
from tminus.errors import ActionFailed

HANGING = (
    '#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\necho customers; echo $$ > {folder}/pid\nexec sleep 600\n'
)
CONDUCTOR = """
import asyncio, sys
from pathlib import Path
from tasks.actions.backup import Backup
from tasks.estate import Estate
from tminus.environment import Environment
from tminus.release import Release
async def main():
    environment = Environment.model_validate_json(sys.argv[1])
    async with Estate(environment, Release.model_validate_json(sys.argv[2]), sys.argv[3], Path(".")) as estate:
        await Backup(database="main", bucket="backups", purpose="restore-point").act(estate, 1)
asyncio.run(main())
"""


def wait_for(condition: Callable[[], bool]) -> bool:
    """Looks until it holds, 15 s at most."""
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def written_to(process: int) -> str:
    """What its output is."""
    return str(Path(f"/proc/{process}/fd/1").readlink()).partition(":")[0]


def files(estate: Estate) -> list[str]:
    """What lies in the environment's folder."""
    state = estate.environment.state
    return [str(path.relative_to(state)) for path in state.rglob("*") if path.is_file()]


@pytest.mark.long
async def test_a_conductor_killed_during_the_dump_leaves_it_in_progress(
    opened: Callable[..., Estate], tools: Callable[[str], Path], s3_server: S3Server, estates: Estates
) -> None:
    """Kill -9: pg_dump goes on as an orphan and is seen by its lock; when it has ended the backup can be made.

    It is seen, too, while the storage does not answer: what still dumps holds the database's tables.

    What is dumped goes through a pipe and lies in no file, so nothing of it is left.
    """
    folder = tools(HANGING)
    async with opened(folder) as estate:
        arguments = [estate.environment.model_dump_json(), estate.release.model_dump_json(), LAUNCH]
        conductor = await asyncio.create_subprocess_exec(sys.executable, "-c", CONDUCTOR, *arguments)
        assert await asyncio.to_thread(wait_for, (folder / "pid").exists)
        conductor.kill()
        await conductor.wait()
        orphan = int((folder / "pid").read_text())
        try:
            assert files(estate) == [f"locks/backup-{LAUNCH}-main-restore-point"]
            assert written_to(orphan) == "pipe"
            standing = await BACKUP.state(estate)
            async with opened(folder, endpoint="http://127.0.0.1:1") as without_storage:
                unseen = await BACKUP.state(without_storage)
            with pytest.raises(ActionFailed, match="held for") as raised:
                async with asyncio.timeout(10):
                    await BACKUP.act(estate, 2)
        finally:
            os.kill(orphan, signal.SIGKILL)
    assert standing.state is unseen.state is State.IN_PROGRESS
    assert not raised.value.began
    async with opened() as estate:
        assert wait_for(lambda: not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == "zombie")
        assert (await BACKUP.state(estate)).state is State.ABSENT
        await BACKUP.act(estate, 2)
        assert (await BACKUP.state(estate)).state is State.DONE


async def test_a_step_out_of_time_ends_its_dump(opened: Callable[..., Estate], tools: Callable[[str], Path]) -> None:
    """A cancelled step leaves no pg_dump behind, and no lock."""
    folder = tools(HANGING)
    async with opened(folder) as estate:
        acting = asyncio.create_task(BACKUP.act(estate, 1))
        while not (folder / "pid").exists():
            await asyncio.sleep(0.02)
        acting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await acting
        assert not psutil.pid_exists(int((folder / "pid").read_text()))
        assert (await BACKUP.state(estate)).state is State.ABSENT
