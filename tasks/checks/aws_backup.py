"""AWS Backup: does a plan back anything up, for how long is it kept, and could somebody delete it?"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from tasks.aws_check import FOREVER, AwsCheck, absent, in_words, yes
from tasks.aws_client import Answer, AwsService, aws_service
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines in the details
_REGION = 3  # where an ARN names it


class _PlanEntry(Answer):
    backup_plan_id: str
    backup_plan_name: str


class _Plans(Answer):
    backup_plans_list: list[_PlanEntry]


class _Lifecycle(Answer):
    delete_after_days: int | None = None


class _Copy(Answer):
    destination: str = Field(alias="DestinationBackupVaultArn")


class _Rule(Answer):
    rule_name: str
    target_backup_vault_name: str
    lifecycle: _Lifecycle = _Lifecycle()
    copy_actions: list[_Copy] = Field(default_factory=list)

    @property
    def kept(self) -> int:
        """For how many days."""
        return FOREVER if self.lifecycle.delete_after_days is None else self.lifecycle.delete_after_days


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


class BackupPlan(AwsCheck, frozen=True):
    """What a plan of AWS Backup does: what it backs up, for how long, and where else a copy lies.

    `present`: there is such a plan; expected also where the book does not say so. `rules`: how many it has.
    `selections`: how many selections of resources it is for; without one it backs up nothing. `retention`: for how many
    days the rule that keeps shortest keeps; a hundred years where it never deletes. `vault_locked`: every vault that it
    writes to is locked, so that nobody can delete what is in it. `copies`: how many copies its rules make in another
    region.

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
        copies = [_region(copy.destination) for rule in rules for copy in rule.copy_actions]
        found = [
            yes("present", True),
            Measurement.number("rules", len(rules)),
            Measurement.number("copies", sum(region != home for region in copies)),
        ]
        problems = [] if rules else ["the plan has no rule"]
        if rules:
            found.append(Measurement.number("retention", min(rule.kept for rule in rules), "d"))
        if "vault_locked" in self.expect:
            open_vaults = _unlocked(backup, rules)
            found.append(yes("vault_locked", bool(rules) and not open_vaults))
            problems += [f"vault {name} is not locked" for name in open_vaults]
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
    names = dict.fromkeys(rule.target_backup_vault_name for rule in rules)
    return [name for name in names if not _locked(backup, name)]


def _locked(backup: AwsService, name: str) -> bool:
    try:
        return backup.read(_Vault, "DescribeBackupVault", BackupVaultName=name).locked
    except NotThere:
        return False


def _region(arn: str) -> str:
    parts = arn.split(":")
    return parts[_REGION] if len(parts) > _REGION else ""


def _line(rule: _Rule) -> str:
    kept = "for ever" if rule.kept == FOREVER else f"{rule.kept} d"
    return f"rule {rule.rule_name}: into {rule.target_backup_vault_name}, kept {kept}, copies: {len(rule.copy_actions)}"
