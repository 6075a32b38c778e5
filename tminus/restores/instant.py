"""The instant to which somebody wants to go back."""

from datetime import UTC, datetime

from tminus.errors import UsageError


def parse_instant(text: str, at: datetime) -> datetime:
    """The moment that a text names, in UTC.

    Args:
        text: an ISO 8601 time with its zone.
        at: the present.

    Raises UsageError where it is no time, has no zone, or is still to come.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as e:
        raise UsageError(f"{text!r} is no time; write it like 2026-11-22T18:00:00+01:00. Nothing was changed") from e
    if found.tzinfo is None:
        raise UsageError(
            f"{text!r} has no zone, and an hour's mistake would lose an hour's data; write it like "
            f"{found:%Y-%m-%dT%H:%M:%S}+01:00, or with Z for UTC. Nothing was changed"
        )
    try:
        instant = found.astimezone(UTC)
    except OverflowError as e:
        raise UsageError(f"{text!r} is beyond what a calendar holds. Nothing was changed") from e
    if instant > at:
        ahead = (instant - at).total_seconds()
        raise UsageError(f"{instant:%Y-%m-%d %H:%M:%S} UTC is {ahead:.0f} s to come; name one that is past")
    return instant
