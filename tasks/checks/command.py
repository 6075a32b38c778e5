"""What a command that the book names says."""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import Field, JsonValue, RootModel, ValidationError, model_validator

from tasks.artifact_files import shown
from tasks.artifact_pointer import Pointer, at_pointer
from tasks.artifact_values import number_of, word_of
from tasks.bounded_process import Ended, run_bounded
from tasks.check import Check
from tasks.command import shown as as_typed
from tasks.command_shells import shell_string
from tasks.estate import Estate
from tasks.journey_values import Absent
from tasks.redaction import inherited_secrets, redacted_tail
from tminus.clock import Duration, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SAID = 200  # characters of the last line on stderr
_Document = RootModel[JsonValue]


class CommandRun(Check, frozen=True):
    """Runs a command that only looks, and judges its exit status, and what it prints.

    That it only looks nobody can tell from outside, so its impact is `synthetic`. It runs without a shell, in the
    folder where the launch's files are, and of the environment variables sees PATH, HOME and LANG only. It must end
    within its time: else it is killed with what it started (a daemon that leaves its parents within half a second may
    live on), `exit` is -9, and `took` is at least that long. `value` and `word` are of what it prints on stdout, and
    only where it exits with 0. What it prints is never shown, but for a word that is judged and the last line on
    stderr. A command that cannot be started, prints no such thing, or prints over 1 MiB makes the outcome unknown.

    Attributes:
        argv: the program and its arguments, each a word of its own; no shell string.
        within: how long it may take.
        parse: what stdout is: nothing that matters, one number, one word, or JSON.
        pointer: in JSON, where the number or the word stands, as a JSON Pointer.
    """

    impact: ClassVar[Impact] = Impact.SYNTHETIC
    measures: ClassVar[Mapping[str, str]] = {"exit": "", "value": "", "word": "word", "took": "s"}

    kind: Literal["command.run"] = "command.run"
    argv: tuple[str, ...] = Field(min_length=1)
    within: Duration = timedelta(seconds=30)
    parse: Literal["none", "number", "word", "json"] = "none"
    pointer: Pointer = ""

    @model_validator(mode="after")
    def _no_shell(self) -> Self:
        program = self.argv[0]
        if not program or program.split() != [program]:
            raise ValueError(f"argv is a list of words, and {program!r} is no program: write [program, argument, …]")
        if option := shell_string(self.argv):
            raise ValueError(f"{option} wants a shell string; put it into a script, and name that")
        if self.parse == "none" and {"value", "word"} & set(self.expect):
            raise ValueError("expecting a value or a word wants parse: number, word or json")
        if self.pointer and self.parse != "json":
            raise ValueError("a pointer wants parse: json")
        return self

    async def look(self, estate: Estate) -> Observation:
        """Runs it once."""
        ended = await run_bounded(self.argv, self.within, estate.base)
        found = [Measurement.number("exit", ended.exit), Measurement.number("took", ended.took, "s")]
        if ended.in_time and ended.exit == 0:
            found += self._printed(ended)
        said = _last_line(ended, estate)
        return Observation(
            found=tuple(found),
            where=shown(as_typed(self.argv)),
            details=(f"stderr ends with: {said}",) if said else (),
            because=said if ended.in_time else f"it did not end within {show_duration(self.within)}, and was killed",
        )

    def _printed(self, ended: Ended) -> list[Measurement]:
        where = f"what {self.argv[0]} prints"
        text = ended.out.decode(errors="replace").strip()
        if self.parse == "none":
            return []
        if self.parse == "number":
            return [Measurement.number("value", number_of(text, where))]
        if self.parse == "word":
            if not text or "\n" in text:
                raise CouldNotObserve(f"{where} is no word, but {len(text.splitlines())} lines")
            return [Measurement(name="word", word=word_of(text, where))]
        value = self._pointed(ended.out, where)
        asked = [name for name in ("value", "word") if name in self.expect]
        return [
            Measurement.number(name, number_of(value, where))
            if name == "value"
            else Measurement(name=name, word=word_of(value, where))
            for name in asked
        ]

    def _pointed(self, out: bytes, where: str) -> JsonValue:
        try:
            value = at_pointer(_Document.model_validate_json(out).root, self.pointer)
        except ValidationError as e:
            raise CouldNotObserve(f"{where} is no JSON") from e
        if isinstance(value, Absent):
            raise CouldNotObserve(f"{where} has nothing at {self.pointer}")
        return value


def _last_line(ended: Ended, estate: Estate) -> str:
    """What it said about its trouble, where it had any."""
    lines = ended.err.decode(errors="replace").strip().splitlines()
    if not lines or (ended.in_time and ended.exit == 0):
        return ""
    said = redacted_tail(lines[-1], inherited_secrets(estate.environment), _SAID)
    return shown(f"… {said.partition(' ')[2]}" if len(said) == _SAID else said)
