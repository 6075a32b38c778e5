"""What a line leaves open: a word where a number belongs, a number without its unit, a plan that is ticked."""

from tminus.importing.amounts import has_decimal_comma
from tminus.importing.seen import Seen, Suggestion
from tminus.readiness.book import Holds

# What a line speaks of without a number, and what has to be known before anything could judge it.
_WANTS_NUMBER: tuple[tuple[str, str], ...] = (
    (r"\brate[- ]?limit(?:s|ing)?\b|\bthrottl", "How many requests, in what time, and from whom?"),
    (r"\brequest size|\bpayload (?:size )?limit", "From how many KiB or MiB on is a request refused?"),
    (r"\bhit(?:/miss)? rates?\b|\bhit ratio\b", "At least how many % of reads are to be answered from the cache?"),
    (r"\berror rates?\b", "At most how many % of requests may fail?"),
    (r"\b(?:latency|response times?|query (?:time|performance))\b", "Below how many ms, and at which percentile?"),
    (r"\bthroughput\b", "At least how many requests per second?"),
    (r"\b(?:consumer|replication) lag\b", "At most how many messages, or how many ms?"),
    (r"\bretention\b", "For how many days is it kept?"),
    (r"\bttls?\b", "At most how many hours does a key live?"),
    (r"\btimeouts?\b", "After how many seconds?"),
    (r"\bconnection pool(?:s|ing)?\b", "At least and at most how many connections?"),
    (r"\bpartition count\b", "At least how many partitions has a topic?"),
    (r"\breplication factor\b", "How many copies?"),
    (r"\bcoverage threshold\b|\btest coverage\b", "At least how many % of the lines?"),
    (r"\b(?:automated|automatic|regular|scheduled) back-?ups?\b", "How often, and kept for how many days?"),
    (r"\b(?:expiration|expiry)\b", "After how many minutes or hours?"),
    (r"\brto\b|recovery time objective", "Within how many minutes?"),
    (r"\brpo\b|recovery point objective", "At most how many minutes of data?"),
    (r"\buptime\b|\bavailability target", "At least how many % of a month?"),
)
_VAGUE: tuple[tuple[str, str], ...] = (
    (r"\b(?:appropriate(?:ly)?|adequate(?:ly)?|sufficient(?:ly)?|reasonabl[ey]|suitabl[ey])\b", "What is enough here?"),
    (r"\b(?:correctly|properly|securely|as needed|as required|as expected)\b", "By what would one see that it is so?"),
    (r"\boptimi[sz](?:ed|ation)\b|\btuned\b", "Which number, in which unit, says that it is good enough?"),
    (r"\b(?:fast|quick(?:ly)?|performant|responsive|low[- ]latency)\b", "Below how many ms, and at which percentile?"),
    (
        r"\b(?:scalable|scales|robust|resilient|stable|minimal|acceptable|secured)\b",
        "By what would one see that it is so?",
    ),
    (
        r"\b(?:track|monitor|improve|increase|reduce|watch)\b[^.]*$",
        "From which number on is it good, and in which unit?",
    ),
)
_LONGEST = 500  # characters
_ASKED = frozenset({Holds.BOXES, Holds.CRITERIA, Holds.METRICS})


def question(seen: Seen, found: Suggestion) -> str:
    """What has to be known about a line; "" where nothing is open.

    Args:
        seen: the line.
        found: what recognizers make of it; a line that a check judges is asked nothing about its numbers.
    """
    if seen.holds not in _ASKED or len(seen.title) > _LONGEST:
        return ""
    if has_decimal_comma(seen.title):
        return "Is that a decimal comma? Write the number with a point, as 0.1"
    if seen.has(r"\(planned\)|\bplanned\b|\bwip\b|\bwork in progress\b") and not seen.has(r"\bplanned maintenance\b"):
        return "Is it planned, or is it done?"
    if found.asks:
        return found.asks
    if found.checks or seen.has(r"\b(?:documented|reviewed|tested|testing|trained)\b"):
        return ""
    if not seen.amounts:
        return _first(seen, (*_WANTS_NUMBER, *_VAGUE)) or _metric_without_number(seen)
    return _about_its_number(seen)


def _first(seen: Seen, table: tuple[tuple[str, str], ...]) -> str:
    beneath = seen.part and seen.parent.rstrip().endswith(":")  # one of a list, such as metrics that are exported
    return next((asked for pattern, asked in table if seen.has(pattern)), "") if not beneath else ""


def _metric_without_number(seen: Seen) -> str:
    return "Which number is it to reach, in which unit?" if seen.holds is Holds.METRICS else ""


def _about_its_number(seen: Seen) -> str:
    """A number that nothing here measures, or a length of time without the percentile that it is of."""
    if (trigger := next((one for one in seen.amounts if one.triggers), None)) is not None:
        return f"Is it enough that something is done at {trigger.said}? Then what does it, such as which alert rule?"
    timed = seen.has(r"\b(?:latency|response times?|query time)\b")
    if timed and seen.time is not None:
        return "At which percentile: p50, p95 or p99? Or is it the average?"
    if timed and not any(one.unit for one in seen.amounts):
        return "In which unit: ms, or s?"
    if not timed and len([one for one in seen.amounts if one.is_share]) > 1:
        return "Which number is whose? One line for each says so"
    if seen.holds is Holds.METRICS:
        return "Which system measures it? A check of kind `metrics.prometheus` judges any number that has a query"
    return ""
