"""Which length of time in a line belongs to which percentile: `p95 < 200ms, p99 < 1s`, `<200ms p95`."""

import re

from tminus.importing.amounts import Amount
from tminus.importing.seen import Seen

_NAME = re.compile(r"\bp(?:50|90|95|99|999)\b")


def percentiles(seen: Seen) -> dict[str, Amount]:
    """Percentile → its limit; empty where the line names none, or does not say which limit is whose.

    As many names as lengths of time belong together in their order. One name among several has the one right before
    it, else the first after it.
    """
    names = list(_NAME.finditer(seen.text))
    times = [one for one in seen.amounts if one.is_time]
    if len({name[0] for name in names}) != len(names) or not times:
        return {}
    if len(names) == len(times):
        return {name[0]: limit for name, limit in zip(names, times, strict=True)}
    if len(names) != 1:
        return {}
    (name,) = names
    before = next((one for one in times if re.fullmatch(r"\W*", seen.text[one.end : name.start()] or "x")), None)
    after = next((one for one in times if one.start >= name.end()), None)
    adjacent = after is not None and re.fullmatch(r"\W*", seen.text[name.end() : after.start])
    found = after if adjacent or before is None else before
    return {name[0]: found} if found is not None else {}
