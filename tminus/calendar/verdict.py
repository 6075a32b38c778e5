"""Whether something may be done at a moment, by an environment's calendar; pure, but for what exchanges publish."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tminus.calendar.exchange import exchange_days
from tminus.calendar.wall import Span, when_shown, whole_span
from tminus.systems.change_calendar import DAYS, Calendar, Deed, DeedRules, TradingSession, Weekly

HORIZON = timedelta(days=400)
"""How far ahead a moment is looked for at which something may be done."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Allowed:
    """It may be done."""


@dataclass(frozen=True)
class NotNow:
    """It may not be done.

    Attributes:
        why: every reason, in words.
        until: the first moment after it at which it may be, in UTC; None where there is none within the horizon.
    """

    why: str
    until: datetime | None


@dataclass(frozen=True)
class _Barrier:
    why: str
    until: datetime | None


def verdict(calendar: Calendar, deed: Deed, at: datetime) -> Allowed | NotNow:
    """Whether a deed may be begun at a moment, which has a zone.

    Not within a freeze, nor a trading session, nor outside every window; and when it may be next. Raises UsageError
    where the sessions of an exchange are not known.
    """
    at = at.astimezone(UTC)
    if not (barriers := _barriers(calendar, deed, at)):
        return Allowed()
    why, moment = "; ".join(one.why for one in barriers), at
    while barriers:
        ends = [one.until for one in barriers if one.until is not None]
        if len(ends) < len(barriers) or max(ends) > at + HORIZON:
            return NotNow(why, None)
        moment = max(ends)
        barriers = _barriers(calendar, deed, moment)
    return NotNow(why, moment)


def verdict_for(calendar: Calendar, deed: Deed, at: datetime, lasts: timedelta) -> Allowed | NotNow:
    """The same for a deed that may last so long, and must be over before anything bars it."""
    found = verdict(calendar, deed, at)
    if not lasts:
        return found
    at = at.astimezone(UTC)
    if isinstance(found, Allowed):
        span = next(allowed_spans(calendar, deed, at, at + lasts))
        if span.end >= at + lasts:
            return found
        found = verdict(calendar, deed, span.end)
    why = "; ".join(_all_bars(calendar, deed, at, at + lasts))
    long_enough = (one.start for one in allowed_spans(calendar, deed, at, at + HORIZON) if one.end - one.start >= lasts)
    return NotNow(why, next(long_enough, None))


def _all_bars(calendar: Calendar, deed: Deed, at: datetime, until: datetime) -> list[str]:
    """Every rule that bars a deed at some moment between two, each once."""
    found: dict[str, None] = {}
    while at < until:
        bars = _barriers(calendar, deed, at)
        found |= dict.fromkeys(one.why for one in bars)
        starts = _starts(calendar, deed, at)
        ends = [one.until for one in bars if one.until is not None]
        at = min([*ends, *(one for one in starts if one > at)], default=until)
    return list(found)


def allowed_spans(calendar: Calendar, deed: Deed, first: datetime, last: datetime) -> Iterator[Span]:
    """When a deed may be begun between two moments, in the order of time. Raises UsageError like `verdict`."""
    at, last = first.astimezone(UTC), last.astimezone(UTC)
    while at < last:
        now = verdict(calendar, deed, at)
        if isinstance(now, NotNow):
            if now.until is None or now.until >= last:
                return
            at = now.until
        begun = at
        while at < last and isinstance(verdict(calendar, deed, at), Allowed):
            at = min(_allowed_until(calendar, deed, at), last)
        yield Span(begun, at)


def is_holiday(calendar: Calendar, day: date) -> bool:
    """Whether the file lists a day, or one of its exchanges does not trade on it though it is no weekend."""
    if day in calendar.holidays:
        return True
    weekend = DAYS[day.weekday()] in {"sat", "sun"}
    return not weekend and any(not exchange_days(code, day, day) for code in calendar.exchanges)


def day_of(calendar: Calendar, at: datetime) -> date:
    """The date where the environment is."""
    return at.astimezone(ZoneInfo(calendar.time_zone)).date()


def _barriers(calendar: Calendar, deed: Deed, at: datetime) -> list[_Barrier]:
    rules, zone = calendar.rules(deed), ZoneInfo(calendar.time_zone)
    found = []
    for freeze, span in ((one, whole_span(zone, one.begins, one.ends)) for one in calendar.freezes):
        if span.holds(at) and not rules.in_freezes:
            found.append(_Barrier(f"it is frozen until {_local(span.end, zone)}: {freeze.why}", span.end))
    if not rules.in_sessions:
        for name, span in sessions(calendar, at - 2 * _DAY, at + _DAY):
            if span.holds(at):
                found.append(_Barrier(f"{name} trades until {_local(span.end, zone)}", span.end))
    if rules.windows and not any(span.holds(at) for span in _windows(calendar, rules, at - 2 * _DAY, at + _DAY)):
        opens = _next_window(calendar, rules, at)
        before = f" before {_local(opens, zone)}" if opens else ""
        found.append(_Barrier(f"no window for a {deed} is open{before}", opens))
    return found


def _allowed_until(calendar: Calendar, deed: Deed, at: datetime) -> datetime:
    """Until when nothing can bar a deed that nothing bars now, at least; the horizon at most."""
    return min(_starts(calendar, deed, at), default=at + HORIZON)


def _starts(calendar: Calendar, deed: Deed, at: datetime) -> list[datetime]:
    """When rules begin to bar a deed, after a moment: the nearest of each kind is among them."""
    rules, zone = calendar.rules(deed), ZoneInfo(calendar.time_zone)
    starts = [span.start for span in (whole_span(zone, one.begins, one.ends) for one in calendar.freezes)]
    bars = [] if rules.in_freezes else [start for start in starts if start > at]
    if not rules.in_sessions:
        bars += (span.start for _, span in sessions(calendar, at, at + 21 * _DAY) if span.start > at)
    if rules.windows:
        bars += (span.end for span in _windows(calendar, rules, at - 2 * _DAY, at + _DAY) if span.holds(at))
    return bars


def sessions(calendar: Calendar, first: datetime, last: datetime) -> Iterator[tuple[str, Span]]:
    """Every session on the days between two moments, and a little more; its market's name beside it."""
    for code in calendar.exchanges:
        days = exchange_days(code, day_of(calendar, first) - _DAY, day_of(calendar, last) + _DAY)
        yield from ((code, one.span) for one in days)
    for session in calendar.sessions:
        zone = ZoneInfo(session.time_zone or calendar.time_zone)
        for day in _days(first.astimezone(zone).date() - _DAY, last.astimezone(zone).date() + _DAY):
            if day not in calendar.holidays:
                yield from ((session.name, span) for span in _held(session, zone, day))


def _held(session: TradingSession, zone: ZoneInfo, day: date) -> list[Span]:
    return _on(session, zone, day, session.half_days.get(day))


def _windows(calendar: Calendar, rules: DeedRules, first: datetime, last: datetime) -> Iterator[Span]:
    zone = ZoneInfo(calendar.time_zone)
    for day in _days(first.astimezone(zone).date(), last.astimezone(zone).date()):
        opens = [one for one in rules.windows or () if DAYS[day.weekday()] in one.days]
        shut = is_holiday(calendar, day) if any(not one.holidays for one in opens) else False
        for one in opens:
            if one.holidays or not shut:
                yield from _on(one, zone, day)


def _next_window(calendar: Calendar, rules: DeedRules, at: datetime) -> datetime | None:
    """When the next window opens; a holiday may be in between, and a whole week of them."""
    for begun in _days_from(at, HORIZON):
        starts = [span.start for span in _windows(calendar, rules, begun, begun + _DAY) if span.start > at]
        if starts:
            return min(starts)
    return None


def _on(weekly: Weekly, zone: ZoneInfo, day: date, ends: timedelta | None = None) -> list[Span]:
    """When it is, of the days it is on: on this one."""
    if DAYS[day.weekday()] not in weekly.days:
        return []
    midnight = datetime.combine(day, time())
    end = ends if ends is not None else weekly.ends if weekly.ends > weekly.begins else weekly.ends + _DAY
    return when_shown(zone, midnight + weekly.begins, midnight + end)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + _DAY * n for n in range((last - first).days + 1))


def _days_from(at: datetime, length: timedelta) -> Iterable[datetime]:
    return (at + _DAY * (n - 1) for n in range(length // _DAY))


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"
