"""A link is slow: whatever comes back over it comes later."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from tasks.outside.looking import Look
from tasks.scenarios.link import DisturbedLink


class ProxySlow(DisturbedLink, frozen=True):
    """Each answer comes later; whether that is an outage the client's patience of a second says.

    Attributes:
        ms: how much later, in milliseconds.
        jitter: how many milliseconds more or less that may be.
    """

    kind: Literal["proxy.slow"] = "proxy.slow"
    ms: Annotated[int, Field(ge=1, le=60_000)]
    jitter: Annotated[int, Field(ge=0, le=60_000)] = 0

    def toxics(self) -> Mapping[str, Mapping[str, JsonValue]]:
        """See DisturbedLink."""
        attributes: Mapping[str, JsonValue] = {"latency": self.ms, "jitter": self.jitter}
        return {"slow": {"type": "latency", "stream": "downstream", "attributes": dict(attributes)}}

    def seen(self, one: Look) -> bool:
        """See DisturbedLink: it takes as long at least, or is not answered in time."""
        return not one.good or one.seconds * 1000 >= self.ms - self.jitter
