"""Values as the fake of a CockroachDB sends them: texts, in the forms in which the real one writes them."""

import json
import struct
from datetime import datetime, timedelta
from decimal import Decimal


def text(value: str) -> bytes:
    """As the protocol has texts: with a zero byte behind."""
    return value.encode() + b"\0"


def cell(value: object) -> bytes:
    """One value of a row, as text with its length before it; NULL has none."""
    if value is None:
        return struct.pack("!i", -1)
    shown = _shown(value).encode()
    return struct.pack("!i", len(shown)) + shown


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return f"{int(seconds // 3600):02}:{int(seconds // 60 % 60):02}:{seconds % 60:09.6f}"
    if isinstance(value, str | int | float | Decimal):
        return str(value)
    return json.dumps(value)
