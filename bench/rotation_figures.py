"""The figures of bench.rotation, and what each has to be."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping

from bench.approvals_figure import Figure, none_of
from bench.rotation_course import Course
from bench.rotation_secrets import NAIVE, OURS, Secrets
from deployments.rehearsal.witness_count import Refusal, Testimony

_LATE = 0.05  # share of log-ins that may be late
_SHOWN = 10


def figures(
    secrets: Secrets,
    course: Course,
    seen: Testimony,
    apart: Mapping[str, int],
    left: Mapping[str, int],
    rotations: int,
) -> list[Figure]:
    """All of them.

    Args:
        secrets: what was rotated.
        course: how often.
        seen: by the witnesses.
        apart: where the servers count otherwise.
        left: what was found afterwards, how much of each.
        rotations: that were asked for.
    """
    ours, naive = seen.of(OURS), seen.of(NAIVE)
    refused = seen.refused(OURS)
    _tell(refused, apart)
    rate = min(100.0, 0.9 * sum(one.rate for one in secrets.plan.lived if one.arm == OURS))
    late = ours.late / ours.log_ins if ours.log_ins else 1.0
    done = course.rotated.total()
    return [
        _least("rotations", done, "rotations", rotations),
        _least("secrets", len(course.rotated), "secrets that were rotated", min(secrets.count, rotations)),
        Figure("log_ins", ours.log_ins, "log-ins, those of pools among them"),
        Figure("pool_questions", ours.questions, "questions on connections that stay open"),
        Figure("versions_lived_by", len(ours.versions), "versions of secrets by which somebody got in"),
        none_of("refused_logins", len(refused) if seen.whole else -1, f"of {ours.log_ins} log-ins"),
        none_of("witness_equals_server", sum(map(abs, apart.values())), "refusals that only one of them counts"),
        _least("login_rate", ours.rate, "log-ins a second", rate),
        Figure("late_logins", late, "share of log-ins", f"<= {_LATE}", late <= _LATE),
        *(none_of(what, count, "found afterwards") for what, count in left.items()),
        _least("naive_refusals", len(seen.refused(NAIVE)), f"of {naive.log_ins} log-ins", 1),
    ]


def _least(figure: str, value: float, unit: str, limit: float) -> Figure:
    return Figure(figure, value, unit, f">= {limit:g}", value >= limit)


def _tell(refused: list[Refusal], apart: Mapping[str, int]) -> None:
    for one in refused[:_SHOWN]:
        _say(
            f"refused: {one.at:.1f} {one.secret}, {one.user}, version {one.version[:8]} held for {one.held:.2f} s, "
            f"{one.kind}: {one.said}"
        )
    if refused:
        _say(f"refused: {_counted(one.kind for one in refused)}")
    for user, more in apart.items():
        _say(f"{user}: the server counts {more:+} refusals")


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(names).most_common())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
