"""The small questions that a book may ask of a restored Redis: read-only commands that answer with one number."""

import re
import shlex
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from tminus.errors import UsageError

_NUMBERS: dict[str, int] = {
    "DBSIZE": 0,
    "EXISTS": 1,
    "GET": 1,
    "STRLEN": 1,
    "LLEN": 1,
    "SCARD": 1,
    "HLEN": 1,
    "ZCARD": 1,
    "XLEN": 1,
    "HGET": 2,
    "HEXISTS": 2,
    "SISMEMBER": 2,
    "ZSCORE": 2,
    "ZCOUNT": 3,
}
_DATABASE = re.compile(r"^(\d{1,5})$")
_EXAMPLES = "'COUNT order:*', 'DB 2 LLEN queue' or 'HGET totals sum'"


def database_and_words(text: str, examples: str) -> tuple[int, list[str]]:
    """Reads `[DB n] word …`: of which database, and the rest; raises UsageError with the examples."""
    try:
        words = shlex.split(text)
    except ValueError as e:
        raise UsageError(f"{text!r} cannot be read ({e}); write one such as {examples}") from e
    if len(words) > 1 and words[0].upper() == "DB" and (found := _DATABASE.match(words[1])):
        return int(found[1]), words[2:]
    return 0, words


@dataclass(frozen=True)
class RedisQuery:
    """One question.

    Attributes:
        database: of which database.
        command: `COUNT`, or one of Redis' own.
        arguments: of it; for COUNT a pattern as SCAN's MATCH has it.
    """

    database: int
    command: str
    arguments: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "RedisQuery":
        """Reads `[DB n] COUNT pattern`, or `[DB n]` and one of the commands that read one number.

        A word alone is a pattern, whose keys are counted. Raises UsageError with an example.
        """
        database, words = database_and_words(text, _EXAMPLES)
        if len(words) == 1 and words[0].upper() not in _NUMBERS:
            words = ["COUNT", *words]
        command, arguments = (words[0].upper(), tuple(words[1:])) if words else ("", ())
        wanted = 1 if command == "COUNT" else _NUMBERS.get(command)
        if wanted is None:
            raise UsageError(f"{text!r} is no question for a Redis; write one such as {_EXAMPLES}")
        if len(arguments) != wanted:
            raise UsageError(f"{text!r}: {command} takes {wanted} words, not {len(arguments)}; such as {_EXAMPLES}")
        return cls(database, command, arguments)


def as_decimal(reply: object) -> Decimal | None:
    """The number that a command answered with; None where there was none, or something else."""
    if isinstance(reply, int):
        return Decimal(reply)
    if not isinstance(reply, bytes):
        return None
    try:
        number = Decimal(reply.decode("ascii"))
    except (InvalidOperation, UnicodeDecodeError):
        return None
    return number if number.is_finite() else None
