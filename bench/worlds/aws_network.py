"""A world of what stands before a system on AWS."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from pydantic import JsonValue

from bench.worlds.aws import REGION, AwsWorld
from bench.worlds.aws_network_cases import CASES
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.aws_moto import state

_SEEN: dict[str, JsonValue] = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "vatic"}
_MANAGED: dict[str, JsonValue] = {
    "Name": "common",
    "Priority": 0,
    "Statement": {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}},
    "OverrideAction": {"None": {}},
    "VisibilityConfig": _SEEN,
}
_RATE: dict[str, JsonValue] = {
    "Name": "rate",
    "Priority": 1,
    "Statement": {"RateBasedStatement": {"Limit": 2000, "AggregateKeyType": "IP"}},
    "Action": {"Block": {}},
    "VisibilityConfig": _SEEN,
}
_OFFICE: dict[str, JsonValue] = {
    "Name": "office",
    "Priority": 2,
    "Statement": {"GeoMatchStatement": {"CountryCodes": ["DE"]}},
    "Action": {"Allow": {}},
    "VisibilityConfig": _SEEN,
}


class AwsNetworkWorld(AwsWorld):
    """A load balancer with two targets in three zones, behind a web ACL and Shield.

    Moto does not say what is behind a web ACL, and every target of it is well; the fake in front of it says the one and
    changes the other.
    """

    system: ClassVar[str] = "aws-network"
    cases: ClassVar[tuple[Case, ...]] = CASES

    def build(self) -> None:
        """Makes all of it."""
        subnets = self.call("ec2", "DescribeSubnets")["Subnets"]
        self.vpc = str(subnets[0]["VpcId"])
        self.subnets = [str(one["SubnetId"]) for one in sorted(subnets, key=lambda one: str(one["AvailabilityZone"]))]
        certificate = self.call("acm", "RequestCertificate", DomainName="api.vatic.example")["CertificateArn"]
        self._make_balancer(str(certificate))
        self._make_acl()
        self.call("shield", "CreateSubscription")
        self.call("shield", "CreateProtection", Name="api", ResourceArn=self.balancer)

    def _make_balancer(self, certificate: str) -> None:
        made = self.call("elbv2", "CreateLoadBalancer", Name="vatic-api", Subnets=self.subnets[:3], Type="application")
        self.balancer = str(made["LoadBalancers"][0]["LoadBalancerArn"])
        group = self.call(
            "elbv2",
            "CreateTargetGroup",
            Name="vatic-api",
            Protocol="HTTP",
            Port=8080,
            VpcId=self.vpc,
            TargetType="ip",
        )
        self.group = str(group["TargetGroups"][0]["TargetGroupArn"])
        self._register()
        forward = [{"Type": "forward", "TargetGroupArn": self.group}]
        self.https = self._listen(443, "HTTPS", forward, Certificates=[{"CertificateArn": certificate}])
        redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
        self.http = self._listen(80, "HTTP", [{"Type": "redirect", "RedirectConfig": redirect}])

    def _listen(self, port: int, protocol: str, actions: list[Any], **more: object) -> str:
        made = self.call(
            "elbv2",
            "CreateListener",
            LoadBalancerArn=self.balancer,
            Port=port,
            Protocol=protocol,
            DefaultActions=actions,
            **more,
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def _register(self) -> None:
        targets = [{"Id": "10.0.0.11"}, {"Id": "10.0.0.12"}]
        self.call("elbv2", "RegisterTargets", TargetGroupArn=self.group, Targets=targets)

    def _make_acl(self) -> None:
        made = self.call(
            "wafv2",
            "CreateWebACL",
            Name="vatic",
            Scope="REGIONAL",
            DefaultAction={"Allow": {}},
            Rules=[_MANAGED, _RATE, _OFFICE],
            VisibilityConfig=_SEEN,
        )
        self.acl = str(made["Summary"]["Id"])
        self.behind: list[JsonValue] = [self.balancer]
        self.aws.answers["wafv2.ListResourcesForWebACL"] = self._resources

    def _resources(self, asked: Mapping[str, JsonValue]) -> JsonValue:
        balancers = asked.get("ResourceType") == "APPLICATION_LOAD_BALANCER"
        return {"ResourceArns": self.behind if balancers else []}

    @contextmanager
    def _with_rules(self, *rules: dict[str, JsonValue]) -> Iterator[None]:
        self._set_rules(list(rules))
        yield
        self._set_rules([_MANAGED, _RATE, _OFFICE])

    def _set_rules(self, rules: list[dict[str, JsonValue]]) -> None:
        which = {"Name": "vatic", "Scope": "REGIONAL", "Id": self.acl}
        self.call(
            "wafv2",
            "UpdateWebACL",
            **which,
            DefaultAction={"Allow": {}},
            Rules=rules,
            VisibilityConfig=_SEEN,
            LockToken=self.call("wafv2", "GetWebACL", **which)["LockToken"],
        )

    @fault
    def balancer_gone(self) -> Iterator[None]:
        """There is no such load balancer."""
        with self.changed(state("elbv2", REGION), "load_balancers", {}):
            yield

    @fault
    def balancer_failed(self) -> Iterator[None]:
        """The load balancer could not be set up."""
        with self.aws.altered(
            "elasticloadbalancing.DescribeLoadBalancers", b"<Code>[^<]*</Code>", b"<Code>failed</Code>"
        ):
            yield

    @fault
    def target_unhealthy(self) -> Iterator[None]:
        """One target fails its health checks."""
        healthy, first = rb"<State>healthy</State>", rb"(?s)\A(.*?)<State>healthy</State>"
        with self.aws.altered(
            "elasticloadbalancing.DescribeTargetHealth", first, rb"\1" + healthy.replace(b"healthy", b"unhealthy")
        ):
            yield

    @fault
    def group_emptied(self) -> Iterator[None]:
        """No target is registered."""
        targets = [{"Id": "10.0.0.11"}, {"Id": "10.0.0.12"}]
        self.call("elbv2", "DeregisterTargets", TargetGroupArn=self.group, Targets=targets)
        yield
        self._register()

    @fault
    def zones_left(self, zones: str) -> Iterator[None]:
        """The load balancer stands in so many zones."""
        kept = self._kept_balancer()
        with self.changed(kept, "subnets", kept.subnets[: int(zones)]):
            yield

    @fault
    def https_lost(self) -> Iterator[None]:
        """Nothing listens for HTTPS."""
        kept = self._kept_balancer().listeners.pop(self.https)
        yield
        self._kept_balancer().listeners[self.https] = kept

    @fault
    def plain_http_forwards(self) -> Iterator[None]:
        """Plain HTTP is passed on to the targets."""
        yield from self._plain_http([{"Type": "forward", "TargetGroupArn": self.group}])

    @fault
    def plain_http_has_a_way_in(self) -> Iterator[None]:
        """Plain HTTP redirects, but for one path that is passed on."""
        made = self.call(
            "elbv2",
            "CreateRule",
            ListenerArn=self.http,
            Priority=5,
            Conditions=[{"Field": "path-pattern", "Values": ["/legacy/*"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        yield
        self.call("elbv2", "DeleteRule", RuleArn=made["Rules"][0]["RuleArn"])

    @fault
    def plain_http_closed(self) -> Iterator[None]:
        """Nothing listens for plain HTTP, so nobody is redirected."""
        kept = self._kept_balancer().listeners.pop(self.http)
        yield
        self._kept_balancer().listeners[self.http] = kept

    def _plain_http(self, actions: list[Any]) -> Iterator[None]:
        before = self.call("elbv2", "DescribeListeners", ListenerArns=[self.http])["Listeners"][0]["DefaultActions"]
        self.call("elbv2", "ModifyListener", ListenerArn=self.http, DefaultActions=actions)
        yield
        self.call("elbv2", "ModifyListener", ListenerArn=self.http, DefaultActions=before)

    def _kept_balancer(self) -> Any:
        return state("elbv2", REGION).load_balancers[self.balancer]

    @fault
    def acl_gone(self) -> Iterator[None]:
        """There is no such web ACL."""
        with self.changed(state("wafv2", REGION), "wacls", {}):
            yield

    @fault
    def rule_lost(self) -> Iterator[None]:
        """A rule is gone."""
        with self._with_rules(_MANAGED, _RATE):
            yield

    @fault
    def group_only_counts(self) -> Iterator[None]:
        """The managed rules count what they match, and let it in."""
        with self._with_rules({**_MANAGED, "OverrideAction": {"Count": {}}}, _RATE, _OFFICE):
            yield

    @contextmanager
    def _with_group(self, **more: JsonValue) -> Iterator[None]:
        group: dict[str, JsonValue] = {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet", **more}
        with self._with_rules({**_MANAGED, "Statement": {"ManagedRuleGroupStatement": group}}, _RATE, _OFFICE):
            yield

    @fault
    def rule_of_group_set_to(self, action: str) -> Iterator[None]:
        """The group blocks, but for one of its rules, which was told to do something else and then forgotten."""
        overrides: list[JsonValue] = [{"Name": "CrossSiteScripting_BODY", "ActionToUse": {action: {}}}]
        with self._with_group(RuleActionOverrides=overrides):
            yield

    @fault
    def rule_of_group_excluded(self) -> Iterator[None]:
        """One rule of the group is excluded, in the older way to say so."""
        with self._with_group(ExcludedRules=[{"Name": "GenericRFI_BODY"}]):
            yield

    @fault
    def rate_only_counts(self) -> Iterator[None]:
        """The limit of requests is only counted."""
        with self._with_rules(_MANAGED, {**_RATE, "Action": {"Count": {}}}, _OFFICE):
            yield

    @fault
    def nothing_behind(self) -> Iterator[None]:
        """The web ACL is attached to nothing."""
        with self.changed(self, "behind", []):
            yield

    @fault
    def not_subscribed(self) -> Iterator[None]:
        """The account has no Shield Advanced."""
        with self.changed(self._shield(), "subscription", None):
            yield

    @fault
    def nothing_protected(self) -> Iterator[None]:
        """Shield Advanced is paid for, and protects nothing."""
        with self.changed(self._shield(), "protections", {}):
            yield

    def _shield(self) -> Any:
        return state("shield", "aws")
