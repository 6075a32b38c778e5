"""A world of EKS."""

from collections.abc import Iterator
from typing import Any, ClassVar

from bench.worlds.aws import REGION, AwsWorld
from bench.worlds.world import Case, fault
from deployments.rehearsal.vendors.aws_moto import ACCOUNT, state

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/vatic"


class AwsClusterWorld(AwsWorld):
    """A cluster with one node group in each of three zones. No Kubernetes runs in it."""

    system: ClassVar[str] = "aws-cluster"
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            check="aws.cluster",
            given={"cluster": "vatic"},
            expect={
                "status": "= ACTIVE",
                "nodes": ">= 3",
                "node_groups": "= all",
                "zones": ">= 3",
                "logging": "= yes",
                "secrets_encrypted": "= yes",
                "public": "= no",
            },
            broken_by=(
                "cluster_gone",
                "cluster_failed",
                ("nodes_wanted", "2"),
                "node_group_with_an_issue",
                "no_node_group",
                "one_zone",
                "audit_log_off",
                "secrets_in_clear",
                "api_server_open",
            ),
        ),
        Case(
            check="aws.cluster",
            given={"cluster": "vatic"},
            expect={"public": "!= yes"},
            broken_by=(
                ("api_server_open", "0.0.0.0/0"),
                ("api_server_open", "0.0.0.0/1", "128.0.0.0/1"),
                ("api_server_open", "0.0.0.0/2", "64.0.0.0/2"),
                ("api_server_open", "10.0.0.0/8", "::/1", "8000::/1"),
            ),
        ),
    )

    def build(self) -> None:
        """Makes the cluster and its node groups."""
        subnets = self.call("ec2", "DescribeSubnets")["Subnets"]
        self.subnets = [str(one["SubnetId"]) for one in sorted(subnets, key=lambda one: str(one["AvailabilityZone"]))]
        self._make_cluster()

    def _make_cluster(self) -> None:
        self.call(
            "eks",
            "CreateCluster",
            name="vatic",
            roleArn=_ROLE,
            resourcesVpcConfig={
                "subnetIds": self.subnets,
                "endpointPublicAccess": False,
                "endpointPrivateAccess": True,
            },
            logging={"clusterLogging": [{"types": ["api", "audit", "authenticator"], "enabled": True}]},
            encryptionConfig=[{"resources": ["secrets"], "provider": {"keyArn": f"arn:aws:kms:{REGION}::key/1"}}],
        )
        for number, subnet in enumerate(self.subnets[:3]):
            self.call(
                "eks",
                "CreateNodegroup",
                clusterName="vatic",
                nodegroupName=f"zone-{number}",
                subnets=[subnet],
                nodeRole=_ROLE,
                scalingConfig={"minSize": 1, "maxSize": 4, "desiredSize": 1},
            )

    def _cluster(self) -> Any:
        return state("eks", REGION).clusters["vatic"]

    @fault
    def cluster_gone(self) -> Iterator[None]:
        """There is no such cluster."""
        with self.changed(state("eks", REGION), "clusters", {}):
            yield

    @fault
    def cluster_failed(self) -> Iterator[None]:
        """The cluster could not be updated."""
        with self.changed(self._cluster(), "status", "FAILED"):
            yield

    @fault
    def nodes_wanted(self, nodes: str) -> Iterator[None]:
        """Somebody scaled the cluster down to so many nodes of three."""
        for number in range(3):
            self._scale(number, int(number < int(nodes)))
        yield
        for number in range(3):
            self._scale(number, 1)

    def _scale(self, number: int, nodes: int) -> None:
        self._cluster().nodegroups[f"zone-{number}"].scaling_config["desiredSize"] = nodes

    @fault
    def node_group_with_an_issue(self) -> Iterator[None]:
        """A node group cannot start instances."""
        issues = {"issues": [{"code": "Ec2SubnetInvalidConfiguration", "message": "…", "resourceIds": []}]}
        with self.changed(self._cluster().nodegroups["zone-1"], "health", issues):
            yield

    @fault
    def no_node_group(self) -> Iterator[None]:
        """The cluster has no node group."""
        with self.changed(self._cluster(), "nodegroups", {}):
            yield

    @fault
    def one_zone(self) -> Iterator[None]:
        """All node groups stand in the same zone."""
        groups = self._cluster().nodegroups.values()
        for group in groups:
            group.subnets = self.subnets[:1]
        yield
        for group, subnet in zip(groups, self.subnets[:3], strict=True):
            group.subnets = [subnet]

    @fault
    def audit_log_off(self) -> Iterator[None]:
        """Nobody keeps who did what in the cluster."""
        logging = {"clusterLogging": [{"types": ["api", "authenticator"], "enabled": True}]}
        with self.changed(self._cluster(), "logging", logging):
            yield

    @fault
    def secrets_in_clear(self) -> Iterator[None]:
        """Kubernetes' secrets are not encrypted with a key of one's own."""
        with self.changed(self._cluster(), "encryption_config", []):
            yield

    @fault
    def api_server_open(self, *ranges: str) -> Iterator[None]:
        """Whoever has an address of these ranges may knock at the API server; anybody where there is none."""
        network = {**self._cluster().resources_vpc_config, "endpointPublicAccess": True}
        network |= {"publicAccessCidrs": list(ranges)} if ranges else {}
        with self.changed(self._cluster(), "resources_vpc_config", network):
            yield
