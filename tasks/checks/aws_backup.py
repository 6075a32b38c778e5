"""AWS Backup: does a plan back anything up, for how long is it kept, and could somebody delete it?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from pydantic import Field

from tasks.aws_check import FOREVER, NEVER, AwsCheck, absent, hours, in_words, yes
from tasks.aws_client import Answer, AwsService, age, aws_service, days_until
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines in the details
_REGION = 3  # where an ARN names it
_ARN = 200  # characters that are shown


class _PlanEntry(Answer):
    backup_plan_id: str
    backup_plan_name: str


class _Plans(Answer):
    backup_plans_list: list[_PlanEntry]


class _Lifecycle(Answer):
    delete_after_days: int | None = None

    @property
    def kept(self) -> int:
        """For how many days."""
        return FOREVER if self.delete_after_days is None else self.delete_after_days


class _Copy(Answer):
    destination: str = Field(alias="DestinationBackupVaultArn")
    lifecycle: _Lifecycle = _Lifecycle()


class _Rule(Answer):
    rule_name: str
    target_backup_vault_name: str
    lifecycle: _Lifecycle = _Lifecycle()
    copy_actions: list[_Copy] = Field(default_factory=list)


class _PlanBody(Answer):
    rules: list[_Rule]


class _Plan(Answer):
    backup_plan: _PlanBody
    backup_plan_arn: str


class _Selection(Answer):
    selection_name: str


class _Selections(Answer):
    backup_selections_list: list[_Selection]


class _Vault(Answer):
    backup_vault_name: str
    locked: bool = False
    lock_date: datetime | None = None

    @property
    def closed(self) -> bool:
        """Whether nobody can take the lock away: until its date, and without one for ever, whoever may can."""
        return self.locked and self.lock_date is not None and days_until(self.lock_date) <= 0


class _Point(Answer):
    resource_arn: str
    creation_date: datetime
    status: str


class _Points(Answer):
    recovery_points: list[_Point]


class BackupPlan(AwsCheck, frozen=True):
    """What a plan of AWS Backup does: what it backs up, for how long, and where else a copy lies.

    `present`: there is such a plan; expected also where the book does not say so. `rules`: how many it has.
    `selections`: how many selections of resources it is for; without one it backs up nothing. `retention`: for how many
    days the rule that keeps shortest keeps; a hundred years where it never deletes. `vault_locked`: every vault that it
    writes to is locked in compliance mode, and the time in which that can be taken back is over, so that nobody can
    delete what is in it. `copies`: how many copies its rules make in another region, and `copy_retention`: for how many
    days the one of these that is kept shortest is kept. `newest`: how long ago the newest backup of a resource that
    was completed was begun, of the resource for which that is longest ago; a hundred years where there is none. A
    resource that the vaults hold no backup of, not even an old one, is not known of.

    Attributes:
        plan: the plan's name.
    """

    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "rules": "",
        "selections": "",
        "retention": "d",
        "vault_locked": "word",
        "copies": "",
        "copy_retention": "d",
        "newest": "h",
    }

    kind: Literal["aws.backup_plan"] = "aws.backup_plan"
    plan: str = Field(min_length=1, max_length=100)

    def seen(self, estate: Estate) -> Observation:
        """Looks for the plan among all, and asks for its rules, its vaults and what it is for."""
        backup = aws_service(estate, "backup")
        where = f"{self.plan}, {backup.where}"
        number = self._number(backup)
        if number is None:
            return absent(f"backup plan {self.plan}", where)
        plan = backup.read(_Plan, "GetBackupPlan", BackupPlanId=number)
        rules = plan.backup_plan.rules
        home = _region(plan.backup_plan_arn)
        copies = [copy for rule in rules for copy in rule.copy_actions if _region(copy.destination) != home]
        found = [
            yes("present", True),
            Measurement.number("rules", len(rules)),
            Measurement.number("copies", len(copies)),
        ]
        problems = [] if rules else ["the plan has no rule"]
        if rules:
            found.append(Measurement.number("retention", min(rule.lifecycle.kept for rule in rules), "d"))
        if copies:
            shortest = min(copy.lifecycle.kept for copy in copies)
            found.append(Measurement.number("copy_retention", shortest, "d"))
        if "newest" in self.expect:
            newest = _newest(backup, rules, number)
            oldest = max(newest, key=newest.__getitem__, default="")
            found.append(Measurement.number("newest", hours(newest.get(oldest, NEVER)), "h"))
            problems += [f"{oldest[:_ARN]} was not backed up for longest"] if newest else ["no backup of it is there"]
        if "vault_locked" in self.expect:
            open_vaults = _unlocked(backup, rules)
            found.append(yes("vault_locked", bool(rules) and not open_vaults))
            problems += [f"vault {name} is not locked for good" for name in open_vaults]
        if "selections" in self.expect:
            pages = backup.pages(_Selections, "ListBackupSelections", BackupPlanId=number)
            selections = sum(len(page.backup_selections_list) for page in pages)
            found.append(Measurement.number("selections", selections))
            problems += [] if selections else ["the plan is for nothing"]
        return Observation(
            found=tuple(found),
            where=where,
            details=tuple(_line(rule) for rule in rules[:_SHOWN]),
            because=in_words(problems),
        )

    def _number(self, backup: AwsService) -> str | None:
        for page in backup.pages(_Plans, "ListBackupPlans"):
            for one in page.backup_plans_list:
                if one.backup_plan_name == self.plan:
                    return one.backup_plan_id
        return None


def _unlocked(backup: AwsService, rules: Sequence[_Rule]) -> list[str]:
    """The vaults that the rules write to and that are not locked, or not there."""
    return [name for name in _vaults(rules) if not _locked(backup, name)]


def _vaults(rules: Sequence[_Rule]) -> list[str]:
    return list(dict.fromkeys(rule.target_backup_vault_name for rule in rules))


def _newest(backup: AwsService, rules: Sequence[_Rule], plan: str) -> dict[str, timedelta]:
    """Resource → how long ago its newest backup was begun."""
    newest: dict[str, timedelta] = {}
    for made in (made for vault in _vaults(rules) for made in _made(backup, vault, plan)):
        ago = age(made.creation_date, backup.where)
        newest[made.resource_arn] = min(ago, newest.get(made.resource_arn, ago))
    return newest


def _made(backup: AwsService, vault: str, plan: str) -> list[_Point]:
    """A plan's backups in a vault, of those that were completed; none where it is not there."""
    pages = backup.pages(_Points, "ListRecoveryPointsByBackupVault", BackupVaultName=vault, ByBackupPlanId=plan)
    try:
        return [one for page in pages for one in page.recovery_points if one.status == "COMPLETED"]
    except NotThere:
        return []


def _locked(backup: AwsService, name: str) -> bool:
    try:
        return backup.read(_Vault, "DescribeBackupVault", BackupVaultName=name).closed
    except NotThere:
        return False


def _region(arn: str) -> str:
    parts = arn.split(":")
    return parts[_REGION] if len(parts) > _REGION else ""


def _line(rule: _Rule) -> str:
    kept = "for ever" if rule.lifecycle.kept == FOREVER else f"{rule.lifecycle.kept} d"
    return f"rule {rule.rule_name}: into {rule.target_backup_vault_name}, kept {kept}, copies: {len(rule.copy_actions)}"
