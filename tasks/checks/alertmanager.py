"""Where Alertmanager sends an alert, whether it arrives, and what is silenced."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic
from typing import ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from tasks.alertmanager_api import AlertmanagerApi, Silence
from tasks.alertmanager_routes import Arrival, Receiver, Unreadable, arrivals
from tasks.check import Check
from tasks.estate import Estate
from tasks.probe import Answer, at, get
from tminus.clock import Duration, now, show_duration
from tminus.environment import Impact
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines of details
_TEXT = 120  # characters of one part of them
_POLL = 0.25  # seconds between two looks at the sink
_LOOK = timedelta(seconds=10)  # how long one of them may take
_FOREVER = timedelta(days=7)  # a silence that ends later than this was forgotten, or will be
_AFTERWARDS = timedelta(minutes=1)  # after which a test alert that is still there resolves


class Route(Check, frozen=True):
    """Where an alert with some labels goes by the configuration in force, and how often it is repeated.

    `integrations` counts what that receiver notifies: one without any swallows the alert. Where an alert goes to
    several receivers (`continue`), the first is looked at unless `to` names another of them; `receivers` counts them.
    Where it does not go to that one, `integrations` is 0. `waits` is how long a first notification is held back for
    others to join. `muted` counts the time intervals in which that route sends nothing. Silences and inhibition are
    not looked at.

    Attributes:
        labels: the alert's labels (`alertname` and `severity` are some).
        to: the receiver that is looked at, where the alert goes to several.
    """

    kind: Literal["alertmanager.route"] = "alertmanager.route"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {
        "receiver": "word",
        "integrations": "",
        "repeats": "h",
        "receivers": "",
        "waits": "s",
        "muted": "",
    }

    labels: dict[str, str] = Field(min_length=1)
    to: str = ""

    async def look(self, estate: Estate) -> Observation:
        """Reads the configuration in force, and walks its tree."""
        alertmanager = AlertmanagerApi(estate.api("alertmanager"))
        configured = await alertmanager.configuration()
        try:
            reached = await asyncio.to_thread(arrivals, configured.route, self.labels)
        except Unreadable as e:
            raise CouldNotObserve(f"alertmanager {alertmanager.where}: {e}") from e
        lines = [_line(arrival, configured.receiver(arrival.receiver)) for arrival in reached[:_SHOWN]]
        wanted = [arrival for arrival in reached if self.to in {"", arrival.receiver}]
        one = (wanted or reached)[0]
        notifies = sum(configured.receiver(one.receiver).integrations().values()) if wanted else 0
        return Observation(
            found=(
                Measurement(name="receiver", word=one.receiver),
                Measurement.number("integrations", notifies),
                Measurement.number("repeats", one.repeats / timedelta(hours=1), "h"),
                Measurement.number("receivers", len({arrival.receiver for arrival in reached})),
                Measurement.number("waits", one.waits.total_seconds(), "s"),
                Measurement.number("muted", len(one.muted)),
            ),
            where=alertmanager.where,
            details=tuple(lines),
            because=_line(one, configured.receiver(one.receiver)) if wanted else f"it does not go to {self.to}",
        )


def _line(arrival: Arrival, receiver: Receiver) -> str:
    notifies = ", ".join(f"{count} {sort}" for sort, count in receiver.integrations().items()) or "nobody"
    said = f"{arrival.receiver[:_TEXT]} notifies {notifies[:_TEXT]}"
    return f"{said}, muted in {', '.join(arrival.muted)[:_TEXT]}" if arrival.muted else said


class Delivery(Check, frozen=True):
    """How long a test alert takes from Alertmanager to where alerts arrive.

    Posts one alert with an id of its own, and looks at the sink until the id shows there. The alert is called
    `TminusDelivery-` and the id unless `labels` name it (then a second test soon after the first may be held back with
    the group it joins); it resolves by itself a minute after `within`. Real receivers on its route are notified, too.
    `arrived` is `yes` or `no`, and is expected to be `yes` where the book does not say otherwise; `delivered` is
    measured only where it arrived.

    Attributes:
        labels: the alert's labels, by which it is routed.
        sink: an entry of the environment's `endpoints`: where notifications arrive, in the end.
        sink_path: the page there that shows them.
        within: how long it is looked for.
    """

    kind: Literal["alertmanager.delivery"] = "alertmanager.delivery"
    impact: ClassVar[Impact] = Impact.PAGE
    measures: ClassVar[Mapping[str, str]] = {"delivered": "s", "arrived": "word"}

    labels: dict[str, str] = Field(default_factory=dict)
    sink: str
    sink_path: str
    within: Duration = timedelta(seconds=60)

    @model_validator(mode="before")
    @classmethod
    def _arrives(cls, given: JsonValue) -> JsonValue:
        """What never arrived took no time: only `arrived` can say that this is wrong."""
        expect = given.get("expect") if isinstance(given, dict) else None
        if isinstance(given, dict) and isinstance(expect, dict) and expect:
            return {**given, "expect": {"arrived": "= yes", **expect}}
        return given

    async def look(self, estate: Estate) -> Observation:
        """Looks at the sink first: nobody is woken for an alert whose arrival could not be seen."""
        alertmanager = AlertmanagerApi(estate.api("alertmanager"))
        mark = f"tminus-{secrets.token_hex(8)}"
        _trusted(await self._sink(estate), self.sink)
        labels = {"alertname": f"TminusDelivery-{mark}", **self.labels, "tminus_test": mark}
        posted = monotonic()
        await alertmanager.post(labels, {"summary": "A test of tminus; nothing is wrong."}, self._resolves())
        took = await self._seen(estate, mark.encode(), posted)
        found = [Measurement(name="arrived", word="no" if took is None else "yes")]
        if took is not None:
            found.append(Measurement.number("delivered", round(took, 3), "s"))
        return Observation(
            found=tuple(found),
            where=f"{alertmanager.where} to {self.sink}",
            because="" if took is not None else f"it did not show within {show_duration(self.within)}",
        )

    async def _seen(self, estate: Estate, mark: bytes, since: float) -> float | None:
        """Seconds until the mark showed at the sink; None where it did not."""
        while True:
            answer = await self._sink(estate)
            took = monotonic() - since
            if not answer.trouble and mark in answer.body:
                return took
            if took > self.within.total_seconds():
                _trusted(answer, self.sink)
                return None
            await asyncio.sleep(_POLL)

    async def _sink(self, estate: Estate) -> Answer:
        endpoint = estate.endpoint(self.sink)
        return await get(estate.client_of(endpoint), at(endpoint.url, self.sink_path), _LOOK)

    def _resolves(self) -> datetime:
        return now() + self.within + _AFTERWARDS


def _trusted(answer: Answer, sink: str) -> None:
    if answer.trouble:
        raise CouldNotObserve(f"sink {sink}: {answer.trouble}; whether alerts arrive there cannot be seen")


class Silences(Check, frozen=True):
    """How many silences are active now, and how many of those end more than 7 days from now."""

    kind: Literal["alertmanager.silences"] = "alertmanager.silences"
    impact: ClassVar[Impact] = Impact.NONE
    measures: ClassVar[Mapping[str, str]] = {"silences": "", "forever": ""}

    async def look(self, estate: Estate) -> Observation:
        """Reads the silences."""
        alertmanager = AlertmanagerApi(estate.api("alertmanager"))
        active = [silence for silence in await alertmanager.silences() if silence.active]
        forever = [silence for silence in active if silence.ends - now() > _FOREVER]
        worst = (forever or active)[:1]
        return Observation(
            found=(
                Measurement.number("silences", len(active)),
                Measurement.number("forever", len(forever)),
            ),
            where=alertmanager.where,
            details=tuple(_silenced(silence) for silence in active[:_SHOWN]),
            because=_silenced(worst[0]) if worst else "",
        )


def _silenced(silence: Silence) -> str:
    matched = ", ".join(str(matcher) for matcher in silence.matchers)
    return f"{matched[:_TEXT]} until {silence.ends.isoformat(timespec='minutes')}"
