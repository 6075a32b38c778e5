"""What goes wrong when a server of the rehearsal is started.

ServerError
├── BinaryMissing      the program is not on this machine
├── ServerDidNotStart  it ended, or was not ready in time
└── NoFreePort         every port that was tried is taken
"""

from pathlib import Path

_PORT_TAKEN = ("address already in use", "eaddrinuse", "port is already in use", "address in use")


class ServerError(Exception):
    """A server of the rehearsal cannot be had; the message says which, why, and what to do next."""


class BinaryMissing(ServerError):
    """A program that the rehearsal runs is not installed."""

    def __init__(self, program: str, looked_in: str, install: str) -> None:
        super().__init__(f"{program} was not found (looked in: {looked_in}). Install it with: {install}")


class ServerDidNotStart(ServerError):
    """A child ended before it was ready, or was not ready within its deadline."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        lines = tail(log)
        taken = any(sign in line.lower() for line in lines for sign in _PORT_TAKEN)
        advice = (
            "Another program holds its port: end that program, or start again and another port is chosen."
            if taken
            else f"Read the whole log: {log}"
        )
        shown = "\n".join(f"    {line}" for line in lines) or "    (its log is empty)"
        super().__init__(f"{name} {reason}. {advice}\n  Its last log lines:\n{shown}")


class NoFreePort(ServerError):
    """No loopback port could be reserved."""

    def __init__(self, first: int, last: int, tries: int) -> None:
        super().__init__(
            f"No free port on 127.0.0.1 between {first} and {last} after {tries} tries; "
            "end programs that listen there (`ss -ltn` lists them) and start again"
        )


def tail(log: Path, lines: int = 12) -> list[str]:
    """The last lines of a log file; none where there is no file."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]
