"""What a rehearsal breaks on purpose: switched in the servers, the people and the files they bring, nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from deployments.rehearsal.fault_ending import (
    AS_GOOD,
    BY_COMMAND_LINE,
    EXIT_CODES,
    NEW_FAILED,
    NOTHING_ROLLED_OUT,
    NOTHING_TAKEN_BACK,
    SOMEBODY_WATCHES,
    Customers,
    Ending,
    Result,
    broke,
    came_late,
    said_no,
    silent,
)
from deployments.rehearsal.fault_file import PlatformFaults, ServiceFaults
from deployments.rehearsal.trading_builds import NEXT

_OLD: Customers = "the old version"
_NEW: Customers = "the new version"
_BACK: Customers = "the new version, then the old one again"
_WATCH = "error-rate-watched"  # this and the other steps are those of TradeSense's book


def _ends(result: Result, customers: Customers, step: str = "", verdict: str = "", *facts: str) -> Ending:
    return Ending(result, customers, step, verdict, frozenset(facts))


def _no_go(step: str, verdict: str, *facts: str) -> Ending:
    """Before anything was changed."""
    return _ends("no-go", _OLD, step, verdict, NOTHING_ROLLED_OUT, *facts)


def _launched(*facts: str) -> Ending:
    return _ends("launched", _NEW, "", "", AS_GOOD, *facts)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and how a launch must end with it.

    Attributes:
        name: what `tminus rehearse --fault` calls it.
        promise: in words.
        ending: how the launch must end, and by which step; `fault_judge.ending` says how it did.
        services: faults of the trading service, by version (`*` for all).
        platform: faults of its platform.
        from_watch: whether they begin only when the watch has begun.
        slack, pagerduty: whether that is down.
        people: role → behaviour at the go/no-go.
        backup_age_hours: how much older the last backup is than it should be.
        backup_damaged: whether it is damaged, and was recorded like that.
        vulnerable: whether the release's scan found something.
    """

    name: str
    promise: str
    ending: Ending
    services: Mapping[str, ServiceFaults] = field(default_factory=dict)
    platform: PlatformFaults = field(default_factory=PlatformFaults)
    from_watch: bool = False
    slack: bool = False
    pagerduty: bool = False
    people: Mapping[str, Literal["reject", "silent"]] = field(default_factory=dict)
    backup_age_hours: float = 0.0
    backup_damaged: bool = False
    vulnerable: bool = False

    @property
    def exit_code(self) -> int:
        """What `tminus rehearse` must end with."""
        return EXIT_CODES[self.ending.result]


NONE = Fault("none", "nothing is wrong, and the launch goes through", _launched())

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        NONE,
        Fault(
            "bad-release",
            "20 % of the new version's requests fail once customers use it: rolled back by the watch",
            _ends("rolled back", _BACK, _WATCH, "breach", NEW_FAILED),
            services={NEXT: ServiceFaults(error_rate=0.2)},
            from_watch=True,
        ),
        Fault(
            "slow-release",
            "the new version takes five times as long: rolled back by the watch",
            _ends("rolled back", _BACK, _WATCH, "breach"),
            services={NEXT: ServiceFaults(latency_factor=5.0)},
        ),
        Fault(
            "one-old-instance",
            "one instance keeps the old version, and the platform says otherwise: rolled back before customers meet it",
            _ends("rolled back", _OLD, "idle-pool-is-the-release", "fail", broke("same")),
            platform=PlatformFaults(one_old_instance=True),
        ),
        Fault(
            "service-down",
            "an instance is down four hours before: no-go",
            _no_go("services-healthy", "fail", broke("healthy")),
            platform=PlatformFaults(service_down="blue"),
        ),
        Fault(
            "stale-backup",
            "the last backup is 30 hours old: no-go",
            _no_go("backup-completed", "fail", broke("age")),
            backup_age_hours=30.0,
        ),
        Fault(
            "damaged-backup",
            "the last backup does not restore, whatever its checksums say: no-go",
            _no_go("backup-proven", "fail", broke("verdict")),
            backup_damaged=True,
        ),
        Fault(
            "vulnerable",
            "a scan found a high vulnerability: no-go",
            _no_go("no-known-vulnerability", "fail", broke("high")),
            vulnerable=True,
        ),
        Fault(
            "approver-rejects",
            "the DevOps lead says no: no-go",
            _no_go("go-no-go", "rejected", said_no("devops-lead")),
            people={"devops_lead": "reject"},
        ),
        Fault(
            "approver-silent",
            "the DevOps lead does not answer: no-go",
            _no_go("go-no-go", "expired", silent("devops-lead")),
            people={"devops_lead": "silent"},
        ),
        Fault(
            "no-metrics",
            "the new version exports no metrics: neither good nor bad, held",
            _ends("held", _NEW, _WATCH, "no data", NOTHING_TAKEN_BACK),
            services={NEXT: ServiceFaults(no_metrics=True)},
            from_watch=True,
        ),
        Fault(
            "both-versions-bad",
            "both versions fail from an outside cause: held, no rollback",
            _ends("held", _NEW, _WATCH, "outside cause", NEW_FAILED, NOTHING_TAKEN_BACK),
            services={"*": ServiceFaults(error_rate=0.2)},
            from_watch=True,
        ),
        Fault(
            "slack-down",
            "Slack is down: answers come by command line, messages arrive late",
            _launched(BY_COMMAND_LINE, came_late("slack")),
            slack=True,
        ),
        Fault(
            "pagerduty-down",
            "PagerDuty is down: a person states that they watch, pages arrive late",
            _launched(SOMEBODY_WATCHES, came_late("pagerduty")),
            pagerduty=True,
        ),
    )
}
