"""How long a schedule's recurrence (`@hourly`, `0 2 * * *`) lets at most pass between two runs."""

from datetime import UTC, datetime, timedelta

_SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FROM = datetime(2027, 1, 1, tzinfo=UTC)
_A_WEEK, _A_YEAR = timedelta(days=8), timedelta(days=400)
_MANY = 500  # runs; a pattern that repeats within days has shown all its gaps by then


def longest_gap(recurrence: str) -> timedelta:
    """The longest time between two runs; raises ValueError where it is no crontab that ever runs.

    Source of the shorthands: https://www.cockroachlabs.com/docs/stable/create-schedule-for-backup#crontab
    """
    from cronsim import CronSim, CronSimError

    text = recurrence.strip()
    try:
        runs = CronSim(_SHORTHANDS.get(text, text), _FROM)
        first = last = next(runs)
        longest, counted = timedelta(0), 0
        while last - first < _A_WEEK or (counted < _MANY and last - first < _A_YEAR):
            run = next(runs)
            longest, last, counted = max(longest, run - last), run, counted + 1
    except (CronSimError, StopIteration) as e:
        raise ValueError(f"{text[:40]!r} is no recurrence that is known here") from e
    return longest
