"""One JSON answer of the system, and what it says."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tasks.check import Check
from tasks.estate import Estate
from tasks.journey_values import ABSENT
from tasks.web_pointer import Found, age, count, found_at, number, tokens, word
from tasks.web_request import LARGEST, WITHIN, Reply, Wanted, front, token_of
from tminus.clock import Duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_NUMBERS: Mapping[str, str] = {
    "value": "",
    "ratio": "%",
    "percent": "%",
    "seconds": "s",
    "milliseconds": "ms",
    "bytes": "B",
}
_TIMES = {"ratio": Decimal(100)}  # a share of 1, in the unit it is judged in
_HOUR = timedelta(hours=1)


def _pointer(text: str) -> str:
    tokens(text)
    return text


Pointer = Annotated[str, AfterValidator(_pointer)]
"""A JSON pointer (RFC 6901): `/data/0/status`; empty for the whole document."""


class Answer(Check, frozen=True):
    """Asks for one JSON document, and judges what stands at a pointer in it.

    What stands there has no unit of its own, so the name under which it is expected says what it is: `value` a plain
    number, `ratio` a share of 1 (judged in %), `percent`, `seconds`, `milliseconds`, `bytes`, `word` a text or true
    and false, `count` the length of a list or an object, `age` how long ago the moment was (ISO 8601 with an offset,
    or an epoch). `present` says whether anything stands there. Where nothing does, or something else, the others are
    unknown, and so is everything but `status` where the answer has another status than `at_status`. Redirects are
    not followed.

    Attributes:
        endpoint: where to ask, by its name in the environment's `endpoints`.
        path: with its query.
        pointer: where in the document, as RFC 6901 writes it: `/data/0/status`; empty for the whole.
        identity: whose token is sent, by its name in the environment's `identities`.
        at_status: the status of an answer that is read.
        within: how long an answer is waited for.
    """

    kind: Literal["http.json"] = "http.json"
    impact: ClassVar[Impact] = Impact.PROBE
    measures: ClassVar[Mapping[str, str]] = {
        "status": "",
        **_NUMBERS,
        "word": "word",
        "count": "",
        "age": "h",
        "present": "word",
        "took": "ms",
    }

    endpoint: str
    path: str
    pointer: Pointer = ""
    identity: str | None = None
    at_status: Annotated[int, Field(ge=100, le=599)] = 200
    within: Duration = WITHIN

    @model_validator(mode="after")
    def _one_reading(self) -> Self:
        if len(numbers := set(self.expect) & set(_NUMBERS)) > 1:
            raise ValueError(f"one number stands there, and it is expected as {' and as '.join(sorted(numbers))}")
        return self

    async def look(self, estate: Estate) -> Observation:
        """One GET."""
        asked = await front(estate, self.endpoint)
        wanted = Wanted(self.path, token=await token_of(estate, self.identity))
        reply = await asked.ask(wanted, self.within)
        place = f"{asked.name}: {wanted}"
        found = [Measurement.number("status", reply.status), Measurement.number("took", round(reply.took_ms, 3), "ms")]
        because = "" if reply.status == self.at_status else f"{wanted} answers with status {reply.status}"
        if not because:
            found += self._read(reply, place)
        elif set(self.expect) - {"status", "took"} and "status" not in self.expect:
            raise CouldNotObserve(f"{place}: status {reply.status} instead of {self.at_status}")
        return Observation(found=tuple(found), where=asked.where, because=because)

    def _read(self, reply: Reply, place: str) -> list[Measurement]:
        names = set(self.expect) - {"status", "took"}
        if not names:
            return []
        if reply.cut:
            raise CouldNotObserve(f"{place}: the answer is longer than the {LARGEST} bytes that are read")
        document = reply.document
        if document is None and reply.body.strip() != b"null":
            raise CouldNotObserve(f"{place}: the answer is no JSON")
        there = found_at(document, self.pointer)
        present = Measurement(name="present", word="no" if there is ABSENT else "yes")
        if there is ABSENT and "present" in names:
            return [present]
        try:
            return [present, *(self._measured(name, there) for name in sorted(names - {"present"}))]
        except CouldNotObserve as e:
            raise CouldNotObserve(f"{place}, at {self.pointer or 'the top'!r}: {e}") from e

    def _measured(self, name: str, there: Found) -> Measurement:
        if name == "word":
            return Measurement(name=name, word=word(there, self.pointer))
        if name == "count":
            return Measurement.number(name, count(there))
        if name == "age":
            return Measurement.number(name, age(there) / _HOUR, "h")
        return Measurement.number(name, number(there) * _TIMES.get(name, 1), _NUMBERS[name])
