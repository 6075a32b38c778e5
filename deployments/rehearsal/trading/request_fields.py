"""Fields of a JSON request body, read with a size limit and checked one by one."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from deployments.rehearsal.trading.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

MAX_BODY_BYTES = 16 * 1024
LARGEST_NUMBER = Decimal(1_000_000)


def too_large(size: int) -> Refused:
    """Refusal (413) of a body of ``size`` bytes or more."""
    return Refused(413, "body_too_large", f"a body may hold {MAX_BODY_BYTES} bytes; this one has at least {size}")


class RequestFields:
    """The body of one request; each getter refuses (422) a field that is missing or wrong, naming it."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        """Wrap a decoded JSON object."""
        self._fields = fields

    @classmethod
    async def of(cls, request: Request) -> RequestFields:
        """Read the body of ``request``; refuses one above the limit (413) and one that is no JSON object (400)."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise too_large(len(body))
        try:
            document = json.loads(body)
        except ValueError as error:
            raise Refused(400, "not_json", "the body must be a JSON object") from error
        if not isinstance(document, dict):
            raise Refused(400, "not_json", "the body must be a JSON object")
        return cls(document)

    def text(self, name: str, *, longest: int = 254) -> str:
        """Return a string of 1 to ``longest`` characters."""
        value = self._fields.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= longest:
            raise self._wrong(name, f"a string of 1 to {longest} characters")
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """Return one of ``allowed``."""
        value = self._fields.get(name)
        if not isinstance(value, str) or value not in allowed:
            raise self._wrong(name, f"one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean, false where it is left out."""
        value = self._fields.get(name, False)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def quantity(self, name: str) -> Decimal:
        """Return a number above 0 and up to one million, given as a number or as a decimal string."""
        value = self._fields.get(name)
        try:
            number = Decimal(str(value)) if isinstance(value, int | float | str) else Decimal("NaN")
        except InvalidOperation:
            number = Decimal("NaN")
        if isinstance(value, bool) or not number.is_finite() or not 0 < number <= LARGEST_NUMBER:
            raise self._wrong(name, f"a number above 0 and up to {LARGEST_NUMBER}")
        return number

    @staticmethod
    def _wrong(name: str, expected: str) -> Refused:
        return Refused(422, "wrong_field", f"{name}: expected {expected}")
