"""wrk's printed text; the percentiles are in it where it ran with `--latency`. See https://github.com/wg/wrk."""

import re

from tasks.artifact_files import ArtifactFile
from tasks.load_result import LoadResult
from tminus.errors import CouldNotObserve

_LARGEST = 1024 * 1024  # bytes; the text has some twenty lines, and a script's own words
_NUMBER = r"(\d{1,12}(?:\.\d{1,9})?)"
_USERS = re.compile(rf"^\s*\d+ threads and {_NUMBER} connections\s*$", re.MULTILINE)
_SHARE = re.compile(rf"^\s*(50|95|99)(?:\.0{{1,3}})?%\s+{_NUMBER}(us|ms|s|m|h)\s*$", re.MULTILINE)
_TOTAL = re.compile(rf"^\s*{_NUMBER} requests in {_NUMBER}(us|ms|s|m|h),", re.MULTILINE)
_RATE = re.compile(rf"^Requests/sec:\s+{_NUMBER}\s*$", re.MULTILINE)
_COUNT = r"(\d{1,12})"
_SOCKET = re.compile(
    rf"^\s*Socket errors: connect {_COUNT}, read {_COUNT}, write {_COUNT}, timeout {_COUNT}\s*$", re.MULTILINE
)
_STATUS = re.compile(rf"^\s*Non-2xx or 3xx responses: {_COUNT}\s*$", re.MULTILINE)
_MS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def read(file: ArtifactFile) -> LoadResult:
    """What the text says. It never says how users came, so there is no ramp.

    Raises CouldNotObserve where it is not wrk's, or no request was answered.
    """
    if len(file.content) > _LARGEST:
        raise CouldNotObserve(f"{file.name} is longer than what wrk prints")
    text = file.text()
    total, rate, users = _TOTAL.search(text), _RATE.search(text), _USERS.search(text)
    if not (total and rate and users):
        raise CouldNotObserve(f"{file.name} is not what wrk prints at its end; was it cut?")
    answered = float(total[1])
    if not answered:
        raise CouldNotObserve(f"{file.name} says that no request was answered")
    connect, *lost = (int(count) for count in socket.groups()) if (socket := _SOCKET.search(text)) else (0, 0)
    refused = int(status[1]) if (status := _STATUS.search(text)) else 0
    times = {share: float(value) * _MS[unit] for share, value, unit in _SHARE.findall(text)}
    unanswered = connect + sum(lost)
    return LoadResult.of(
        file.name,
        requests=answered + unanswered,
        errors=min(100.0, 100 * (refused + unanswered) / (answered + unanswered)),
        rate=float(rate[1]),
        p50=times.get("50"),
        p95=times.get("95"),
        p99=times.get("99"),
        users=float(users[1]),
        duration=float(total[2]) * _MS[total[3]] / 1000,
    )
