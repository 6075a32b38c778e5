"""Load balancers of AWS: are the targets behind one healthy, and does it serve HTTPS only?"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from tasks.aws_check import AwsCheck, absent, in_words, yes
from tasks.aws_client import NEXT_MARKER, Answer, AwsService, aws_service
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.expectation import Measurement
from tminus.outcome import Observation

_SHOWN = 20  # lines in the details
_ENCRYPTED = {"HTTPS", "TLS"}
_LEAVING = {"draining"}  # a target that is taken out on purpose


class _State(Answer):
    code: str


class _Zone(Answer):
    zone_name: str


class _Balancer(Answer):
    load_balancer_arn: str
    load_balancer_name: str
    state: _State
    availability_zones: list[_Zone]


class _Balancers(Answer):
    load_balancers: list[_Balancer]


class _Redirect(Answer):
    protocol: str = "#{protocol}"


class _Action(Answer):
    type: str
    redirect_config: _Redirect | None = None

    @property
    def to_https(self) -> bool:
        return self.type == "redirect" and self.redirect_config is not None and self.redirect_config.protocol == "HTTPS"


class _Listener(Answer):
    listener_arn: str
    protocol: str
    port: int
    default_actions: list[_Action] = Field(default_factory=list)


class _Listeners(Answer):
    listeners: list[_Listener]


class _ListenerRule(Answer):
    actions: list[_Action]


class _ListenerRules(Answer):
    rules: list[_ListenerRule]


class _Group(Answer):
    target_group_arn: str
    target_group_name: str


class _Groups(Answer):
    target_groups: list[_Group]


class _Health(Answer):
    state: str
    reason: str = ""


class _Target(Answer):
    target_health: _Health


class _Targets(Answer):
    target_health_descriptions: list[_Target]


class LoadBalancer(AwsCheck, frozen=True):
    """What a load balancer (application or network) says of itself and of what is behind it.

    `present`: there is such a load balancer; expected also where the book does not say so. `status`: AWS' own word,
    `active` where all is well. `healthy`: targets that pass their health checks, of all but those that are just being
    taken out. `groups`: target groups with a healthy target. `zones`: in how many zones it stands. `https`: it has a
    listener for HTTPS or TLS. `redirects`: it has a listener for HTTP, and every rule of every such listener does
    nothing but redirect to HTTPS.

    Attributes:
        name: the load balancer's name.
    """

    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "status": "word",
        "healthy": "",
        "groups": "",
        "zones": "",
        "https": "word",
        "redirects": "word",
    }

    kind: Literal["aws.load_balancer"] = "aws.load_balancer"
    name: str = Field(min_length=1, max_length=32)

    def seen(self, estate: Estate) -> Observation:
        """Asks for it, and for its listeners and targets where these are expected."""
        elb = aws_service(estate, "elbv2")
        where = f"{self.name}, {elb.where}"
        balancer = self._balancer(elb)
        if balancer is None:
            return absent(f"load balancer {self.name}", where)
        found = [
            yes("present", True),
            Measurement(name="status", word=balancer.state.code[:40]),
            Measurement.number("zones", len({zone.zone_name for zone in balancer.availability_zones})),
        ]
        problems = list[str]()
        if {"https", "redirects"} & set(self.expect):
            listeners = list(_listeners(elb, balancer))
            https = any(listener.protocol in _ENCRYPTED for listener in listeners)
            plain = [listener for listener in listeners if listener.protocol == "HTTP"]
            serving = [listener.port for listener in plain if not _only_redirects(elb, listener)]
            found += [yes("https", https), yes("redirects", bool(plain) and not serving)]
            problems += [f"port {port} serves plain HTTP" for port in serving]
            problems += [] if plain or "redirects" not in self.expect else ["nothing listens for plain HTTP"]
        if {"healthy", "groups"} & set(self.expect):
            states = {group.target_group_name: _states(elb, group) for group in _groups(elb, balancer)}
            targets = [state for some in states.values() for state in some]
            found.append(Measurement.number("healthy", targets.count("healthy"), of=len(targets)))
            with_healthy = sum("healthy" in some for some in states.values())
            found.append(Measurement.number("groups", with_healthy, of=len(states)))
            problems += [_line(name, some) for name, some in states.items() if set(some) != {"healthy"}]
        return Observation(
            found=tuple(found), where=where, details=tuple(problems[:_SHOWN]), because=in_words(problems)
        )

    def _balancer(self, elb: AwsService) -> _Balancer | None:
        try:
            pages = elb.pages(_Balancers, "DescribeLoadBalancers", NEXT_MARKER, Names=[self.name])
            return next(
                (one for page in pages for one in page.load_balancers if one.load_balancer_name == self.name), None
            )
        except NotThere:
            return None


def _listeners(elb: AwsService, balancer: _Balancer) -> Iterator[_Listener]:
    for page in elb.pages(_Listeners, "DescribeListeners", NEXT_MARKER, LoadBalancerArn=balancer.load_balancer_arn):
        yield from page.listeners


def _only_redirects(elb: AwsService, listener: _Listener) -> bool:
    pages = elb.pages(_ListenerRules, "DescribeRules", NEXT_MARKER, ListenerArn=listener.listener_arn)
    ends = [rule.actions[-1:] for page in pages for rule in page.rules]
    return bool(ends) and all(action.to_https for end in ends for action in end) and all(ends)


def _groups(elb: AwsService, balancer: _Balancer) -> Iterator[_Group]:
    for page in elb.pages(_Groups, "DescribeTargetGroups", NEXT_MARKER, LoadBalancerArn=balancer.load_balancer_arn):
        yield from page.target_groups


def _states(elb: AwsService, group: _Group) -> list[str]:
    answer = elb.read(_Targets, "DescribeTargetHealth", TargetGroupArn=group.target_group_arn)
    states = [target.target_health.state[:40] for target in answer.target_health_descriptions]
    return [state for state in states if state not in _LEAVING]


def _line(name: str, states: list[str]) -> str:
    counted = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    return f"target group {name}: {counted or 'no targets'}"
