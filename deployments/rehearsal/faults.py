"""What a rehearsal breaks on purpose: switched in the servers, the people and the files they bring, nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from deployments.rehearsal.fault_file import PlatformFaults, ServiceFaults
from deployments.rehearsal.trading_builds import NEXT

Ends = Literal["launched", "rolled back", "no-go", "held"]
EXIT_CODES: Mapping[Ends, int] = {"launched": 0, "rolled back": 4, "no-go": 3, "held": 3}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and how a launch must end with it.

    Attributes:
        name: what `tminus rehearse --fault` calls it.
        promise: in words.
        ends: how the launch must end.
        services: faults of the trading service, by version (`*` for all).
        platform: faults of its platform.
        from_watch: whether they begin only when the watch has begun.
        slack, pagerduty: whether that is down.
        people: role → behaviour at the go/no-go.
        backup_age_hours: how old the last backup is.
        vulnerable: whether the release's scan found something.
    """

    name: str
    promise: str
    ends: Ends = "launched"
    services: Mapping[str, ServiceFaults] = field(default_factory=dict)
    platform: PlatformFaults = field(default_factory=PlatformFaults)
    from_watch: bool = False
    slack: bool = False
    pagerduty: bool = False
    people: Mapping[str, Literal["reject", "silent"]] = field(default_factory=dict)
    backup_age_hours: float = 3.0
    vulnerable: bool = False

    @property
    def exit_code(self) -> int:
        """What `tminus rehearse` must end with."""
        return EXIT_CODES[self.ends]


NONE = Fault("none", "nothing is wrong, and the launch goes through")

FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        NONE,
        Fault(
            "bad-release",
            "20 % of the new version's requests fail once customers use it: rolled back by the watch",
            ends="rolled back",
            services={NEXT: ServiceFaults(error_rate=0.2)},
            from_watch=True,
        ),
        Fault(
            "slow-release",
            "the new version takes five times as long: rolled back by the watch",
            ends="rolled back",
            services={NEXT: ServiceFaults(latency_factor=5.0)},
        ),
        Fault(
            "one-old-instance",
            "one instance keeps the old version, and the platform says otherwise: never launched",
            ends="rolled back",
            platform=PlatformFaults(one_old_instance=True),
        ),
        Fault(
            "service-down",
            "an instance is down four hours before: no-go",
            ends="no-go",
            platform=PlatformFaults(service_down="blue"),
        ),
        Fault("stale-backup", "the last backup is 30 hours old: no-go", ends="no-go", backup_age_hours=30.0),
        Fault("vulnerable", "a scan found a high vulnerability: no-go", ends="no-go", vulnerable=True),
        Fault("approver-rejects", "the DevOps lead says no: no-go", ends="no-go", people={"devops_lead": "reject"}),
        Fault(
            "approver-silent", "the DevOps lead does not answer: no-go", ends="no-go", people={"devops_lead": "silent"}
        ),
        Fault(
            "no-metrics",
            "the new version exports no metrics: neither good nor bad, held",
            ends="held",
            services={NEXT: ServiceFaults(no_metrics=True)},
            from_watch=True,
        ),
        Fault(
            "both-versions-bad",
            "both versions fail from an outside cause: held, no rollback",
            ends="held",
            services={"*": ServiceFaults(error_rate=0.2)},
            from_watch=True,
        ),
        Fault("slack-down", "Slack is down: answers come by command line, messages arrive late", slack=True),
        Fault(
            "pagerduty-down", "PagerDuty is down: a person states that they watch, pages arrive late", pagerduty=True
        ),
    )
}
