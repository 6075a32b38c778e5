"""Numbers with units as checklists write them: `<200ms`, `30-day`, `10,000 orders/sec`, `3+ nodes`, `99.9%`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tminus.quantity import NUMBER

TIME = ("us", "ms", "s", "min", "h", "d")
_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("%", "percent", "pct"), "%"),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "week"),
    **dict.fromkeys(("year", "years"), "year"),
    **dict.fromkeys(("kb",), "kB"),
    **dict.fromkeys(("mb",), "MB"),
    **dict.fromkeys(("gb",), "GB"),
    **dict.fromkeys(("kib",), "KiB"),
    **dict.fromkeys(("mib",), "MiB"),
    **dict.fromkeys(("gib",), "GiB"),
    **dict.fromkeys(("rps", "qps", "tps"), "requests"),
    **dict.fromkeys(("req", "reqs", "request", "requests"), "requests"),
}
_DAYS = {"week": 7, "year": 365}
_RATES = {"rps", "qps", "tps"}
_SIGNS: Mapping[str, str] = {
    **dict.fromkeys(("<", "under", "below", "less than", "fewer than", "lower than", "faster than"), "<"),
    **dict.fromkeys(("<=", "≤", "=<", "at most", "up to", "within", "maximum", "max"), "<="),
    **dict.fromkeys((">", "over", "above", "more than", "greater than", "higher than", "beyond"), ">"),
    **dict.fromkeys(("exceed", "exceeds", "exceeding"), ">"),
    **dict.fromkeys((">=", "≥", "=>", "at least", "minimum", "min"), ">="),
    **dict.fromkeys(("=", "==", "exactly"), "="),
}
_NEGATED: Mapping[str, str] = {"<": ">=", ">": "<=", "<=": ">", ">=": "<", "=": "!="}
_NOT = (
    r"(?<!\w)(?:not?|never|cannot|without|\w{2,6}n['\u2019]t)"
    r"(?:\s+(?:be|to|is|are|any|ever|allowed|let|go|goes|going|rises?|rising|climbs?|falls?|falling|drops?|dropping"
    r"|dips?|gets?|getting|stays?|remains?)){0,4}\s+"
)
# What is done when a number is reached, which is no claim that it never is.
_ACT = re.compile(
    r"\b(?:alert|alarm|pag(?:e[sd]?|ing)\b|notif(?:y|ies|ied)|warn|escalat|roll(?:s|ed|ing)?[- ]?back|revert|abort"
    r"|halt|trigger|autoscal|investigat|(?:block|stop|restart|fire)(?:s|ed|ing)?\b"
    r"|scal(?:e[sd]?|ing)[ -](?:up|out|down|in)\b"
    r"|(?:build|pipeline|ci|gate|job|deploy(?:ment)?|release|merge|check|test)s? (?:\w+ )?(?:fail|break)(?:s|ed|ing)?\b"
    r"|(?:fail|break)s? (?:the|a|any) )",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:when|whenever|if|unless|once|upon|in case|as soon as)\b", re.IGNORECASE)
_SIGN = "|".join(sorted((re.escape(one) for one in _SIGNS), key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?:(?P<negated>{_NOT})?(?<![\w<>=])(?P<sign>{_SIGN})(?:\s+of)?[\s:~]*)?(?<![\w.,/-])(?P<number>{NUMBER})"
    r"(?![\d]|[.,]\d|\s?[-\u2013]\s?\d)"  # a range, `3-5`, is no number
    r"(?P<thousand>[kK]\b)?(?P<plus>\+)?"
    r"(?:[ \t]?-?[ \t]?(?P<unit>%|[A-Za-z]+))?"
    r"(?:\s*(?:/|\bper\b|\ba\b|\ban\b|\beach\b)\s*(?P<per>[A-Za-z]+))?",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])\d{1,3},\d{1,2}(?![\d,.])|(?<![\d.,])0,\d+")


class PointsTheOtherWay(Exception):
    """A line names a number that is no limit to keep: it compares the bad way, or says when something happens.

    Args:
        amount: the number.
        good: the sign that would be a limit to keep.
    """

    def __init__(self, amount: "Amount", good: str) -> None:
        words = {"<": "at most", ">": "at least"}.get(good[0], "exactly")
        said = f"{amount.number} {amount.unit}".strip()
        super().__init__(
            f"Is {said} a limit that is kept, or is something done there? Write what has to hold: {words} {said}"
        )


@dataclass(frozen=True)
class Amount:
    """A number in a line.

    Attributes:
        sign: the comparison before it, with its negation: `not above` is `<=`; "" where there is none.
        number: in digits, without commas.
        unit: a unit that expectations know, or the word that follows; "" where nothing does.
        per: `s`, `min`, `h`, `d` where it is a rate, or the word.
        at_least: whether a plus follows: `3+`.
        triggers: whether the line says what is done when it is reached: `roll back if error rate > 5%`.
        start: where in the line it begins.
        end: where it ends.
    """

    sign: str
    number: str
    unit: str
    per: str
    at_least: bool
    triggers: bool
    start: int
    end: int

    @property
    def is_time(self) -> bool:
        """Whether it is a length of time, and no rate."""
        return self.unit in TIME and not self.per

    @property
    def is_share(self) -> bool:
        """Whether it is in percent."""
        return self.unit == "%" and not self.per

    @property
    def said(self) -> str:
        """With its unit where that is one that expectations know: `10 ms`, `0.1 %`, `3`."""
        known = self.unit in {*TIME, "%", "kB", "MB", "GB", "KiB", "MiB", "GiB"}
        return f"{self.number} {self.unit}" if known else self.number

    def compared(self, good: str) -> str:
        """The sign of an expectation that holds where all is well.

        Args:
            good: the sign where the line has none; it says which direction is good: `<` or `<=` down, `>` or `>=` up,
                `=` either.

        Raises PointsTheOtherWay where the line's own sign says the contrary, or the number is a trigger.
        """
        sign = ">=" if self.at_least else self.sign or good
        if self.triggers or sign == "!=" or (good != "=" and sign[0] not in {good[0], "="}):
            raise PointsTheOtherWay(self, good)
        return sign

    def expected(self, good: str) -> str:
        """As an expectation: `< 10 ms`; `good` as for `compared`, which see."""
        return f"{self.compared(good)} {self.said}"


def amounts(text: str) -> tuple[Amount, ...]:
    """Every number in a line, with what stands around it; version numbers, `p99` and `T-4` are none."""
    return tuple(_amounts(text))


def _amounts(text: str) -> Iterator[Amount]:
    triggers = bool(_ACT.search(text) and _CONDITION.search(text))
    for match in _AMOUNT.finditer(text):
        number = Decimal(match["number"].replace(",", "").replace("_", "")) * (1000 if match["thousand"] else 1)
        word = (match["unit"] or "").lower()
        unit = "million" if match["unit"] == "M" else _UNITS.get(word, word)
        if unit in _DAYS:
            number, unit = number * _DAYS[unit], "d"
        per = (match["per"] or ("s" if word in _RATES else "")).lower()
        sign = _SIGNS.get(" ".join((match["sign"] or "").lower().split()), "")
        sign = _NEGATED[sign] if sign and match["negated"] else sign
        plus, place = bool(match["plus"]), (match.start(), match.end())
        yield Amount(sign, f"{number:f}", unit, _UNITS.get(per, per), plus, triggers, *place)


def has_decimal_comma(text: str) -> bool:
    """Whether a number is written such as `0,1`, which may mean a tenth or be a slip."""
    return _DECIMAL_COMMA.search(text) is not None
