"""EKS: is a cluster up, with enough healthy nodes in enough zones, and closed to strangers?"""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from tasks.aws_check import AwsCheck, absent, in_words, yes
from tasks.aws_client import CAMEL, Answer, AwsService, CamelAnswer, aws_service
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tasks.kubernetes_peers import IpBlock, everybody
from tminus.errors import CouldNotObserve
from tminus.expectation import Measurement
from tminus.outcome import Observation

_TELLING = {"api", "audit", "authenticator"}  # the logs that say who did what
_SHOWN = 20  # lines in the details
_SUBNETS_AT_ONCE = 200


class _Network(CamelAnswer):
    endpoint_public_access: bool
    public_access_cidrs: list[str] = Field(default_factory=list)


class _Logs(CamelAnswer):
    types: list[str] = Field(default_factory=list)
    enabled: bool = False


class _Logging(CamelAnswer):
    cluster_logging: list[_Logs] = Field(default_factory=list)


class _Encryption(CamelAnswer):
    resources: list[str] = Field(default_factory=list)


class _ClusterEntry(CamelAnswer):
    status: str
    resources_vpc_config: _Network
    logging: _Logging = _Logging()
    encryption_config: list[_Encryption] = Field(default_factory=list)


class _Cluster(CamelAnswer):
    cluster: _ClusterEntry


class _NodeGroups(CamelAnswer):
    nodegroups: list[str]


class _Scaling(CamelAnswer):
    desired_size: int


class _Issue(CamelAnswer):
    code: str = ""


class _Health(CamelAnswer):
    issues: list[_Issue] = Field(default_factory=list)


class _NodeGroupEntry(CamelAnswer):
    nodegroup_name: str
    status: str
    scaling_config: _Scaling
    subnets: list[str]
    health: _Health = _Health()

    @property
    def healthy(self) -> bool:
        return self.status == "ACTIVE" and not self.health.issues

    def line(self) -> str:
        issues = ", ".join(issue.code[:60] for issue in self.health.issues[:3])
        said = f"node group {self.nodegroup_name}: {self.status[:40]}, wants {self.scaling_config.desired_size} nodes"
        return f"{said}, {issues}" if issues else said


class _NodeGroup(CamelAnswer):
    nodegroup: _NodeGroupEntry


class _Subnet(Answer):
    availability_zone: str


class _Subnets(Answer):
    subnets: list[_Subnet]


class Cluster(AwsCheck, frozen=True):
    """What EKS says of a cluster and its managed node groups. What runs in it, the kinds of Kubernetes say.

    `present`: there is such a cluster; expected also where the book does not say so. `status`: EKS' own word, `ACTIVE`
    where all is well. `nodes`: how many nodes the healthy node groups want to have. `node_groups`: those that are
    active and without an issue. `zones`: in how many zones those of them that want nodes have subnets. `logging`:
    `yes` where the logs of API, audit and authenticator are all kept. `secrets_encrypted`: Kubernetes' secrets are
    encrypted with a KMS key of one's own. `public`: `yes` where anybody may knock at the API server, or half of all
    addresses, `restricted` where only some may, `no` where it answers inside the network only.

    Attributes:
        cluster: the cluster's name.
    """

    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "status": "word",
        "nodes": "",
        "node_groups": "",
        "zones": "",
        "logging": "word",
        "secrets_encrypted": "word",
        "public": "word",
    }

    kind: Literal["aws.cluster"] = "aws.cluster"
    cluster: str = Field(min_length=1, max_length=100)

    def seen(self, estate: Estate) -> Observation:
        """Asks for the cluster, and for its node groups and their zones where these are expected."""
        eks = aws_service(estate, "eks")
        where = f"{self.cluster}, {eks.where}"
        try:
            cluster = eks.read(_Cluster, "DescribeCluster", name=self.cluster).cluster
        except NotThere:
            return absent(f"cluster {self.cluster}", where)
        encrypted = any("secrets" in one.resources for one in cluster.encryption_config)
        kept = {name for logs in cluster.logging.cluster_logging if logs.enabled for name in logs.types}
        missing = sorted(_TELLING - kept)
        found = [
            yes("present", True),
            Measurement(name="status", word=cluster.status[:40]),
            yes("logging", not missing),
            yes("secrets_encrypted", encrypted),
            Measurement(name="public", word=_public(cluster.resources_vpc_config, where)),
        ]
        problems = [f"no logs of {', '.join(missing)}"] if missing and "logging" in self.expect else []
        groups: list[_NodeGroupEntry] = []
        if {"nodes", "node_groups", "zones"} & set(self.expect):
            groups = list(self._node_groups(eks))
            healthy = [group for group in groups if group.healthy]
            found.append(Measurement.number("nodes", sum(one.scaling_config.desired_size for one in healthy)))
            found.append(Measurement.number("node_groups", len(healthy), of=len(groups)))
            problems += [group.line() for group in groups if not group.healthy] or ([] if groups else ["no node group"])
            staffed = [group for group in healthy if group.scaling_config.desired_size > 0]
            if "zones" in self.expect:
                zones = _zones(aws_service(estate, "ec2"), {one for group in staffed for one in group.subnets})
                found.append(Measurement.number("zones", len(zones)))
        return Observation(
            found=tuple(found),
            where=where,
            details=tuple(group.line() for group in groups[:_SHOWN]),
            because=in_words(problems),
        )

    def _node_groups(self, eks: AwsService) -> Iterator[_NodeGroupEntry]:
        names = [
            name
            for page in eks.pages(_NodeGroups, "ListNodegroups", CAMEL, clusterName=self.cluster)
            for name in page.nodegroups
        ]
        for name in names:
            yield eks.read(_NodeGroup, "DescribeNodegroup", clusterName=self.cluster, nodegroupName=name).nodegroup


def _public(network: _Network, where: str) -> str:
    if not network.endpoint_public_access:
        return "no"
    try:
        every = [IpBlock(cidr=ip_network(one, strict=False)) for one in network.public_access_cidrs]
    except ValueError as e:
        raise CouldNotObserve(f"{where}: a range of addresses that may reach it is none") from e
    return "yes" if not every or everybody(every) else "restricted"


def _zones(ec2: AwsService, subnets: set[str]) -> set[str]:
    asked: Sequence[str] = sorted(subnets)
    zones = set[str]()
    for begin in range(0, len(asked), _SUBNETS_AT_ONCE):
        some: list[JsonValue] = [*asked[begin : begin + _SUBNETS_AT_ONCE]]
        for page in ec2.pages(_Subnets, "DescribeSubnets", SubnetIds=some):
            zones |= {subnet.availability_zone for subnet in page.subnets}
    return zones
