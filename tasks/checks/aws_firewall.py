"""What keeps strangers out on AWS: a web ACL of AWS WAF, and Shield Advanced."""

from collections.abc import Collection, Mapping
from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from tasks.aws_check import AwsCheck, absent, in_words, yes
from tasks.aws_client import Answer, AwsService, aws_service
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines in the details
_ONE_REGION = "us-east-1"  # where Shield is asked, wherever the account works
_BOTH_MARKERS = ("NextMarker", "NextMarker")
# What may stand behind a web ACL; the call names one sort at a time.
_BEHIND_ACL = ("APPLICATION_LOAD_BALANCER", "API_GATEWAY", "APPSYNC", "COGNITO_USER_POOL", "APP_RUNNER_SERVICE")
_STOPPING = frozenset({"Block", "Captcha", "Challenge"})
_DEEPEST = 20  # statements within statements; WAF allows fewer


class _AclEntry(Answer):
    name: str
    id: str
    arn: str = Field(alias="ARN")


class _Acls(Answer):
    web_acls: list[_AclEntry] = Field(alias="WebACLs")


class _Excluded(Answer):
    name: str


class _Override(Answer):
    name: str
    action_to_use: dict[str, JsonValue]


class _Group(Answer):
    """A statement that stands for a group of rules; what was once excluded from one is only counted, too."""

    excluded_rules: list[_Excluded] = Field(default_factory=list)
    rule_action_overrides: list[_Override] = Field(default_factory=list)


class _Statement(Answer):
    """Of all that a statement may be, what stands for a group."""

    managed: _Group = Field(default=_Group(), alias="ManagedRuleGroupStatement")
    own: _Group = Field(default=_Group(), alias="RuleGroupReferenceStatement")


class _Rule(Answer):
    name: str
    statement: dict[str, JsonValue]
    groups: _Statement = Field(alias="Statement")
    action: dict[str, JsonValue] | None = None
    override_action: dict[str, JsonValue] | None = None

    def not_blocking(self, agreed: Collection[str]) -> str:
        """Why it does not stop what it matches, "" where it does: by itself, or as a group of rules that all do.

        Args:
            agreed: rules within groups that need not.
        """
        if self.action is not None:
            return "" if _STOPPING & set(self.action) else "only counts"
        if self.override_action is None or "None" not in self.override_action:
            return "only counts"
        let_in = [name for name in self._let_in() if name not in agreed]
        return f"lets in what {', '.join(let_in[:_SHOWN])} of its group would block" if let_in else ""

    def _let_in(self) -> list[str]:
        """The rules of a group that are made to do something else than stop."""
        groups = (self.groups.managed, self.groups.own)
        overridden = [one for group in groups for one in group.rule_action_overrides]
        excluded = [one.name for group in groups for one in group.excluded_rules]
        return [*excluded, *(one.name for one in overridden if not _STOPPING & set(one.action_to_use))]

    @property
    def allows(self) -> bool:
        """Whether it lets what it matches in, and is none that could block."""
        return self.action is not None and "Allow" in self.action


class _AclBody(Answer):
    rules: list[_Rule]


class _Acl(Answer):
    web_acl: _AclBody = Field(alias="WebACL")


class _Resources(Answer):
    resource_arns: list[str] = Field(default_factory=list)


class WebAcl(AwsCheck, frozen=True):
    """What a regional web ACL of AWS WAF does, and for what.

    `present`: there is such an ACL; expected also where the book does not say so. `rules`: how many it has. `blocking`:
    those that block (or ask for a proof of being human) rather than count, of all but those that let in; a group of
    rules does only where none of them is excluded or told to count or to let in, but for those in `counted`.
    `attached`: how many resources are behind it; without one it protects nothing. `rate_limited`: a rule of its own
    that blocks limits how often one may come; what is inside a group of rules is not seen.

    Attributes:
        acl: the ACL's name.
        counted: rules within groups of which it is agreed that they do not block (`SizeRestrictions_BODY`).
    """

    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "rules": "",
        "blocking": "",
        "attached": "",
        "rate_limited": "word",
    }

    kind: Literal["aws.waf"] = "aws.waf"
    acl: str = Field(min_length=1, max_length=128)
    counted: tuple[str, ...] = ()

    def seen(self, estate: Estate) -> Observation:
        """Looks for the ACL among all, and asks for its rules, and for what is behind it where that is expected."""
        waf = aws_service(estate, "wafv2")
        where = f"{self.acl}, {waf.where}"
        entry = self._entry(waf)
        if entry is None:
            return absent(f"web ACL {self.acl}", where)
        rules = waf.read(_Acl, "GetWebACL", Name=entry.name, Scope="REGIONAL", Id=entry.id).web_acl.rules
        stopping = [rule for rule in rules if not rule.allows]
        problems = [f"rule {rule.name} {why}" for rule in stopping if (why := rule.not_blocking(self.counted))]
        limits = (not rule.not_blocking(self.counted) for rule in rules if _limits_rate(rule.statement))
        found = [
            yes("present", True),
            Measurement.number("rules", len(rules)),
            Measurement.number("blocking", len(stopping) - len(problems), of=len(stopping)),
            yes("rate_limited", any(limits)),
        ]
        if "attached" in self.expect:
            attached = {arn for sort in _BEHIND_ACL for arn in _behind(waf, entry, sort)}
            found.append(Measurement.number("attached", len(attached)))
            problems += [] if attached else ["nothing is behind it"]
        return Observation(
            found=tuple(found), where=where, details=tuple(problems[:_SHOWN]), because=in_words(problems)
        )

    def _entry(self, waf: AwsService) -> _AclEntry | None:
        for page in waf.pages(_Acls, "ListWebACLs", _BOTH_MARKERS, Scope="REGIONAL"):
            for one in page.web_acls:
                if one.name == self.acl:
                    return one
        return None


def _behind(waf: AwsService, entry: _AclEntry, sort: str) -> list[str]:
    return waf.read(_Resources, "ListResourcesForWebACL", WebACLArn=entry.arn, ResourceType=sort).resource_arns


def _limits_rate(statement: JsonValue, depth: int = 0) -> bool:
    if not isinstance(statement, dict) or depth > _DEEPEST:
        return False
    return "RateBasedStatement" in statement or any(_limits_rate(inner, depth + 1) for inner in statement.values())


class _Subscription(Answer):
    subscription: dict[str, object]


class _Protection(Answer):
    resource_arn: str


class _Protections(Answer):
    protections: list[_Protection]


class Shield(AwsCheck, frozen=True):
    """Whether the account has AWS Shield Advanced, and for how many resources.

    Shield Standard is always on and is not what this asks. `subscribed`: the account has a subscription. `protected`:
    how many resources are protected.
    """

    expects: ClassVar[dict[str, str]] = {"subscribed": "= yes"}
    measures: ClassVar[Mapping[str, str]] = {"subscribed": "word", "protected": ""}

    kind: Literal["aws.shield"] = "aws.shield"

    def seen(self, estate: Estate) -> Observation:
        """Asks for the subscription, and lists what is protected."""
        shield = aws_service(estate, "shield", _ONE_REGION)
        try:
            shield.read(_Subscription, "DescribeSubscription")
            pages = shield.pages(_Protections, "ListProtections")
            protected = {one.resource_arn for page in pages for one in page.protections}
        except NotThere:
            found = (yes("subscribed", False), Measurement.number("protected", 0))
            return Observation(found=found, where=shield.where, because="the account has no Shield Advanced")
        found = (yes("subscribed", True), Measurement.number("protected", len(protected)))
        return Observation(found=found, where=shield.where, because="" if protected else "nothing is protected")
