"""Running the environment's commands: no shell, a process group of their own, an end in time, a bounded output."""

import asyncio
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from pydantic import SecretStr

from tasks.lock_file import HeldLock
from tasks.redaction import margin, redacted_tail
from tminus.clock import show_duration
from tminus.errors import ActionFailed
from tminus.systems.command import Command

OUTPUT = 4096  # characters kept of what a command printed: its end
GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_POLL = 0.02  # seconds between two looks at a group that is to end
_SAID = 400  # characters of the output that fit into a sentence
_PLACEHOLDER = re.compile(r"\{(pool|version|artifact|config|token|primary|until)\}")


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended.

    Attributes:
        argv: what was run.
        exit: its exit status; minus a signal's number where that ended it.
        output: the end of what it printed, both streams, without secrets.
    """

    argv: tuple[str, ...]
    exit: int
    output: str

    def __str__(self) -> str:
        said = " ".join(self.output.split())
        return f"{shown(self.argv)}: exit status {self.exit}" + (f": …{said[-_SAID:]}" if said else "")


def fill(command: Command, words: Mapping[str, str]) -> tuple[str, ...]:
    """The argv with its placeholders filled, each within its own argument.

    Raises ActionFailed (nothing began) where a placeholder has no word here.
    """
    wanted = {name for argument in command.argv for name in _PLACEHOLDER.findall(argument)}
    if missing := sorted(wanted - words.keys()):
        raise ActionFailed(
            f"{shown(command.argv)}: there is no {', '.join(missing)} to fill in here; take the placeholder out",
            began=False,
        )
    return tuple(_PLACEHOLDER.sub(lambda match: words[match[1]], argument) for argument in command.argv)


def takes(command: Command, word: str) -> bool:
    """Whether a command has the placeholder `{word}`."""
    return any(word in _PLACEHOLDER.findall(argument) for argument in command.argv)


def shown(argv: Sequence[str]) -> str:
    """An argv as a person would type it."""
    return shlex.join(argv)


async def run(
    command: Command,
    words: Mapping[str, str],
    secrets: Sequence[SecretStr] = (),
    held: HeldLock | None = None,
) -> Finished:
    """Runs a command to its end, whatever its exit status; it sees this process's environment variables.

    With `held`, the command and all it starts hold that lock as long as they live, also when this process is killed
    meanwhile; so it must not leave a daemon behind. It goes on then: its output goes to a file without a name, which
    no reader's death breaks.

    Raises ActionFailed: with began=False where the program cannot be started; where it does not end within its
    timeout, after SIGTERM and, GRACE seconds later, SIGKILL for its whole group. A cancellation ends it likewise.
    """
    argv = fill(command, words)
    with TemporaryFile() as output:
        _note(held, f"a command of process {os.getpid()}: {shown(argv)}")  # before, lest it die in between
        process = await _start(argv, output, held)
        _note(held, f"process {process.pid}, started by process {os.getpid()}: {shown(argv)}")
        try:
            status = await asyncio.wait_for(process.wait(), command.timeout.total_seconds())
        except TimeoutError as e:
            await _end_group(process)
            said = Finished(argv, process.returncode or 0, _tail(output, secrets))
            raise ActionFailed(
                f"{shown(argv)}: did not end within {show_duration(command.timeout)} and was ended with its group; "
                f"look at what it left before trying again. It said: …{said.output[-_SAID:].strip()}"
            ) from e
        except asyncio.CancelledError:
            await _end_group(process)
            raise
        return Finished(argv, status, _tail(output, secrets))


def _note(held: HeldLock | None, text: str) -> None:
    if held is not None:
        held.note(text)


async def _start(argv: tuple[str, ...], output: IO[bytes], held: HeldLock | None) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if held is None else (held.descriptor,),
        )
    except OSError as e:
        raise ActionFailed(
            f"{argv[0]} could not be started: {e.strerror}; is it installed, and on this process's PATH?", began=False
        ) from e


async def _end_group(process: asyncio.subprocess.Process) -> None:
    _signal(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE):
            while _signal(process.pid, 0):
                await asyncio.sleep(_POLL)
    except TimeoutError:
        pass
    finally:  # a second cancellation while waiting: no more patience, but nothing is left either
        _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(group: int, number: int) -> bool:
    """Sends a signal to a process group; False where there is none any more."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs as somebody else by now, so it is there
        return True
    return True


def _tail(output: IO[bytes], secrets: Sequence[SecretStr]) -> str:
    window = 4 * (OUTPUT + margin(secrets))  # bytes; a character takes at most four
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - window))
    return redacted_tail(output.read().decode(errors="replace"), secrets, OUTPUT, cut=size > window)
