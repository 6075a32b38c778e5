"""A link is cut, as by a network partition: nothing gets through, and nobody is told."""

from collections.abc import Mapping
from typing import Literal

from pydantic import JsonValue

from tasks.outside.looking import Look
from tasks.scenarios.link import DisturbedLink


class ProxyCut(DisturbedLink, frozen=True):
    """Nothing gets through in either direction; connections stay open and wait."""

    kind: Literal["proxy.cut"] = "proxy.cut"

    def toxics(self) -> Mapping[str, Mapping[str, JsonValue]]:
        """See DisturbedLink. A `timeout` of 0 drops what is sent, and closes nothing."""
        return {
            f"cut-{stream}": {"type": "timeout", "stream": stream, "attributes": {"timeout": 0}}
            for stream in ("downstream", "upstream")
        }

    def seen(self, one: Look) -> bool:
        """See DisturbedLink."""
        return not one.good
