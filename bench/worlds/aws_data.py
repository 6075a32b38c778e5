"""A world of RDS and AWS Backup."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import JsonValue

from bench.worlds.aws import REGION, AwsWorld
from bench.worlds.aws_data_cases import CASES
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.aws_moto import ACCOUNT, state

_LOGIN = {"MasterUsername": "vatic", "MasterUserPassword": "made-up-for-one-world"}
_OLD = b"<LatestRestorableTime>2020-01-01T00:00:00.000Z"
_NOW = rb"<LatestRestorableTime>[^<]*"
_SELECTIONS = "backup.GET /backup/plans/*/selections/"
_POINTS = "backup.GET /backup-vaults/*/recovery-points/"
_AWAY = f"arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:vatic-away"
_DAILY: dict[str, JsonValue] = {
    "RuleName": "daily",
    "TargetBackupVaultName": "vatic",
    "Lifecycle": {"DeleteAfterDays": 35},
    "CopyActions": [{"DestinationBackupVaultArn": _AWAY, "Lifecycle": {"DeleteAfterDays": 35}}],
}


class AwsDataWorld(AwsWorld):
    """A PostgreSQL instance with a standby, an Aurora cluster of two, and a backup plan with a locked vault.

    Moto always says that a database can be restored to this moment, and has neither selections of a backup plan nor
    what was backed up; the fake in front of it changes the one and has the others.
    """

    system: ClassVar[str] = "aws-data"
    cases: ClassVar[tuple[Case, ...]] = CASES

    def build(self) -> None:
        """Makes the databases, the vault and the plan."""
        self._make_instance()
        self._make_cluster()
        self.call("backup", "CreateBackupVault", BackupVaultName="vatic")
        self._lock()
        self.plan = ""
        self._make_plan(_DAILY)
        self.selections: list[JsonValue] = [{"SelectionId": "1", "SelectionName": "all-of-vatic"}]
        self.backed_up = timedelta(hours=4), "COMPLETED"
        self.volume_ago: timedelta | None = None  # as the database is
        self.aws.answers[_POINTS] = lambda _: {"RecoveryPoints": self._points()}
        self.aws.answers[_SELECTIONS] = lambda _: {"BackupSelectionsList": self.selections}

    def _make_instance(self) -> None:
        self.call(
            "rds",
            "CreateDBInstance",
            DBInstanceIdentifier="vatic",
            DBInstanceClass="db.m6g.large",
            Engine="postgres",
            AllocatedStorage=100,
            MultiAZ=True,
            StorageEncrypted=True,
            BackupRetentionPeriod=14,
            DeletionProtection=True,
            PubliclyAccessible=False,
            **_LOGIN,
        )

    def _make_cluster(self) -> None:
        self.call(
            "rds",
            "CreateDBCluster",
            DBClusterIdentifier="vatic-aurora",
            Engine="aurora-postgresql",
            StorageEncrypted=True,
            BackupRetentionPeriod=14,
            DeletionProtection=True,
            **_LOGIN,
        )
        for zone in "ab":
            self._make_member(zone)

    def _make_member(self, zone: str) -> None:
        self.call(
            "rds",
            "CreateDBInstance",
            DBInstanceIdentifier=f"vatic-aurora-{zone}",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier="vatic-aurora",
            AvailabilityZone=f"{REGION}{zone}",
            PubliclyAccessible=False,
        )

    def _lock(self) -> None:
        self.call("backup", "PutBackupVaultLockConfiguration", BackupVaultName="vatic", MinRetentionDays=30)
        self._vault().lock_date = time.time() - 86_400  # no call sets one that has passed

    def _vault(self) -> Any:
        return state("backup", REGION).vaults["vatic"]

    def _points(self) -> list[JsonValue]:
        ago, status = self.backed_up
        begun = time.time() - ago.total_seconds()
        database = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:vatic"
        volume = f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/vol-0a1b2c3d"
        volume_begun = begun if self.volume_ago is None else time.time() - self.volume_ago.total_seconds()
        return [
            {"ResourceArn": database, "CreationDate": begun, "Status": status},
            {"ResourceArn": database, "CreationDate": time.time() - 60, "Status": "PARTIAL"},
            {"ResourceArn": database, "CreationDate": begun - 86_400, "Status": status},
            {"ResourceArn": volume, "CreationDate": volume_begun, "Status": status},
        ]

    def _make_plan(self, *rules: dict[str, JsonValue]) -> None:
        if self.plan:
            del state("backup", REGION).plans[self.plan]
        weekly = {**_DAILY, "RuleName": "weekly", "Lifecycle": {"DeleteAfterDays": 365}, "CopyActions": []}
        plan = {"BackupPlanName": "vatic", "Rules": [*rules, weekly]}
        self.plan = str(self.call("backup", "CreateBackupPlan", BackupPlan=plan)["BackupPlanId"])

    def _with_plan(self, *rules: dict[str, JsonValue]) -> Iterator[None]:
        self._make_plan(*rules)
        yield
        self._make_plan(_DAILY)

    def _database(self) -> Any:
        return state("rds", REGION).databases["vatic"]

    def _cluster(self) -> Any:
        return state("rds", REGION).clusters["vatic-aurora"]

    @fault
    def instance_gone(self) -> Iterator[None]:
        """There is no such instance."""
        kept = state("rds", REGION).databases.pop("vatic")
        yield
        state("rds", REGION).databases["vatic"] = kept

    @fault
    def instance_set(self, name: str, value: str) -> Iterator[None]:
        """The instance is set otherwise."""
        wanted = {"": False, "yes": True, "1": 1}.get(value, value)
        with self.changed(self._database(), name, wanted):
            yield

    @fault
    def restorable_to_2020(self, operation: str) -> Iterator[None]:
        """The logs that a restore to a point in time needs stopped being kept years ago."""
        with self.aws.altered(f"rds.{operation}", _NOW, _OLD):
            yield

    @fault
    def not_restorable(self, operation: str) -> Iterator[None]:
        """It cannot be restored to any moment."""
        with self.aws.altered(f"rds.{operation}", _NOW + b"</LatestRestorableTime>", b""):
            yield

    @fault
    def cluster_gone(self) -> Iterator[None]:
        """There is no such cluster."""
        kept = state("rds", REGION).clusters.pop("vatic-aurora")
        yield
        state("rds", REGION).clusters["vatic-aurora"] = kept

    @fault
    def cluster_set(self, name: str, value: str) -> Iterator[None]:
        """The cluster is set otherwise."""
        with self.changed(self._cluster(), name, int(value) if value else False):
            yield

    @fault
    def reader_gone(self) -> Iterator[None]:
        """The cluster's second instance is gone: it stands in one zone."""
        self.call("rds", "ModifyDBCluster", DBClusterIdentifier="vatic-aurora", DeletionProtection=False)
        self.call("rds", "DeleteDBInstance", DBInstanceIdentifier="vatic-aurora-b", SkipFinalSnapshot=True)
        self.call("rds", "ModifyDBCluster", DBClusterIdentifier="vatic-aurora", DeletionProtection=True)
        yield
        self._make_member("b")

    @fault
    def reader_public(self) -> Iterator[None]:
        """One instance of the cluster can be reached from the internet."""
        with self.changed(state("rds", REGION).databases["vatic-aurora-b"], "publicly_accessible", True):
            yield

    @fault
    def plan_gone(self) -> Iterator[None]:
        """There is no such plan, but one with another name."""
        with self.changed(state("backup", REGION), "plans", {}):
            self.call("backup", "CreateBackupPlan", BackupPlan={"BackupPlanName": "other", "Rules": [_DAILY]})
            yield

    @fault
    def rule_lost(self) -> Iterator[None]:
        """The daily rule is gone."""
        yield from self._with_plan()

    @fault
    def kept_for(self, days: str) -> Iterator[None]:
        """The daily backup is kept for so many days."""
        yield from self._with_plan({**_DAILY, "Lifecycle": {"DeleteAfterDays": int(days)}})

    @fault
    def copy_stays_here(self) -> Iterator[None]:
        """The copy lies in the same region."""
        here = f"arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:vatic-copy"
        yield from self._with_plan({**_DAILY, "CopyActions": [{"DestinationBackupVaultArn": here}]})

    @fault
    def vault_not_locked(self) -> Iterator[None]:
        """Whoever may administer the vault can delete what is in it."""
        with self.changed(self._vault(), "locked", False):
            yield

    @fault
    def lock_of_governance(self) -> Iterator[None]:
        """The lock has no date: who has the right to can take it away."""
        with self.changed(self._vault(), "lock_date", None):
            yield

    @fault
    def lock_can_still_be_taken_back(self) -> Iterator[None]:
        """The lock is for good only in three days."""
        with self.changed(self._vault(), "lock_date", time.time() + 3 * 86_400):
            yield

    @fault
    def copy_kept_a_day(self) -> Iterator[None]:
        """The copy in the other region is kept for a day."""
        copy: dict[str, JsonValue] = {"DestinationBackupVaultArn": _AWAY, "Lifecycle": {"DeleteAfterDays": 1}}
        yield from self._with_plan({**_DAILY, "CopyActions": [copy]})

    @fault
    def backups_stopped(self, hours: str) -> Iterator[None]:
        """The newest backup that was completed is so many hours old."""
        with self.changed(self, "backed_up", (timedelta(hours=float(hours)), "COMPLETED")):
            yield

    @fault
    def backups_of_one_stopped(self, hours: str) -> Iterator[None]:
        """A volume was last backed up so many hours ago, while the database's backups go on."""
        with self.changed(self, "volume_ago", timedelta(hours=float(hours))):
            yield

    @fault
    def backups_fail(self) -> Iterator[None]:
        """No backup is ever completed."""
        with self.changed(self, "backed_up", (timedelta(hours=4), "EXPIRED")):
            yield

    @fault
    def nothing_selected(self) -> Iterator[None]:
        """The plan is for no resource."""
        with self.changed(self, "selections", []):
            yield
