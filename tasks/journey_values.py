"""What a journey knows while it runs: captured values, filled into later steps, and secrets that nobody is shown."""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Literal
from urllib.parse import quote

from pydantic import JsonValue

from tasks.journey_steps import PLACEHOLDER, secretive

REDACTED = "[redacted]"
_SHOWN = 60  # characters of a value in evidence
_SHORTEST = 4  # characters of a secret


class Values:
    """Name → value, and which of the values are secret.

    Args:
        plain: known from the start, and shown.
        secret: known from the start, and never shown.
    """

    def __init__(self, plain: Mapping[str, str], secret: Mapping[str, str]) -> None:
        self._known: dict[str, JsonValue] = {**plain, **secret}
        self._secrets: set[str] = set()
        for value in secret.values():
            self.hide(value)

    def keep(self, name: str, value: JsonValue, *, secret: bool) -> None:
        """Keeps a captured value for later steps."""
        self._known[name] = value
        if secret or secretive(name):
            self.hide(value)

    def hide(self, value: JsonValue) -> None:
        """From now on this is redacted, in every form in which it may come back. Three characters are no secret."""
        if isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                self.hide(part)
        elif not isinstance(value, bool) and value is not None and len(text := str(value)) >= _SHORTEST:
            self._secrets |= {text, quote(text), quote(text, safe=""), json.dumps(text)[1:-1]}

    def hide_within(self, document: JsonValue) -> None:
        """Hides whatever stands in a document under a name that speaks of a secret."""
        if isinstance(document, dict):
            for name, value in document.items():
                if secretive(name):
                    self.hide(value)
                else:
                    self.hide_within(value)
        if isinstance(document, list):
            for value in document:
                self.hide_within(value)

    def missing(self, names: AbstractSet[str]) -> AbstractSet[str]:
        """Those that cannot be filled in."""
        return names - self._known.keys()

    def fill(self, template: JsonValue) -> JsonValue:
        """The template with every placeholder filled in; one that is the whole text keeps its value's type."""
        if isinstance(template, dict):
            return {key: self.fill(value) for key, value in template.items()}
        if isinstance(template, list):
            return [self.fill(value) for value in template]
        if not isinstance(template, str):
            return template
        whole = PLACEHOLDER.fullmatch(template)
        if whole and whole[1] in self._known:
            return self._known[whole[1]]
        return self.text(template)

    def text(self, template: str) -> str:
        """A text with every placeholder filled in."""
        return PLACEHOLDER.sub(lambda found: str(self._known.get(found[1], found[0])), template)

    def url_path(self, template: str) -> str:
        """A path whose filled-in values are percent-encoded, so that none of them can lead elsewhere."""
        return PLACEHOLDER.sub(lambda found: quote(str(self._known.get(found[1], found[0])), safe=""), template)

    def redact(self, text: str) -> str:
        """The text without any secret, longest first, so that no part of one is left."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text

    def show(self, value: JsonValue, path: str = "") -> str:
        """A value for evidence: short, redacted, and of documents only what they are."""
        if secretive(path):
            return REDACTED
        if isinstance(value, dict):
            return f"an object with {len(value)} keys"
        if isinstance(value, list):
            return f"a list of {len(value)}"
        shown = self.redact(json.dumps(value, ensure_ascii=False))
        return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


class Absent(Enum):
    """What stands where nothing stands: None is a value of JSON."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


def found_at(document: JsonValue, path: str) -> JsonValue | Literal[Absent.ABSENT]:
    """What stands at a dotted path (`orders.0.price`), or ABSENT."""
    here = document
    for part in path.split("."):
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            return ABSENT
    return here


def same(found: JsonValue, wanted: JsonValue) -> bool:
    """Whether two values are equal as JSON: 1 equals 1.0, and neither equals true."""
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted
