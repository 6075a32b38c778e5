"""What keeps strangers out on AWS: a web ACL of AWS WAF, and Shield Advanced."""

from collections.abc import Mapping
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
_DEEPEST = 20  # statements within statements; WAF allows fewer


class _AclEntry(Answer):
    name: str
    id: str
    arn: str = Field(alias="ARN")


class _Acls(Answer):
    web_acls: list[_AclEntry] = Field(alias="WebACLs")


class _Rule(Answer):
    name: str
    statement: dict[str, JsonValue]
    action: dict[str, JsonValue] | None = None
    override_action: dict[str, JsonValue] | None = None

    @property
    def blocks(self) -> bool:
        """Whether it stops what it matches: by itself, or as a group of rules that is not only counted."""
        stops = self.action is not None and bool({"Block", "Captcha", "Challenge"} & set(self.action))
        return stops or (self.override_action is not None and "Count" not in self.override_action)

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
    those that block (or ask for a proof of being human) rather than count, of all but those that let in. `attached`:
    how many resources are behind it; without one it protects nothing. `rate_limited`: a rule of its own that blocks
    limits how often one may come; what is inside a group of rules is not seen.

    Attributes:
        acl: the ACL's name.
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

    def seen(self, estate: Estate) -> Observation:
        """Looks for the ACL among all, and asks for its rules, and for what is behind it where that is expected."""
        waf = aws_service(estate, "wafv2")
        where = f"{self.acl}, {waf.where}"
        entry = self._entry(waf)
        if entry is None:
            return absent(f"web ACL {self.acl}", where)
        rules = waf.read(_Acl, "GetWebACL", Name=entry.name, Scope="REGIONAL", Id=entry.id).web_acl.rules
        stopping = [rule for rule in rules if not rule.allows]
        found = [
            yes("present", True),
            Measurement.number("rules", len(rules)),
            Measurement.number("blocking", sum(rule.blocks for rule in stopping), of=len(stopping)),
            yes("rate_limited", any(rule.blocks and _limits_rate(rule.statement) for rule in rules)),
        ]
        problems = [f"rule {rule.name} only counts" for rule in stopping if not rule.blocks]
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
