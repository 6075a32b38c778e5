"""An account of AWS with what drills break there: one for all tests, told anew what it answers in each."""

from collections.abc import Iterator
from functools import cache

import boto3
import pytest

from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.aws_moto import FakeAws, fake_aws, state
from tasks.aws_client import _client
from tests.tasks.scenarios.cluster_site import NODE, POD, ClusterSite, small_cluster

REGION = "eu-central-1"
_client_once = cache(_client)


@pytest.fixture(scope="package")
def account() -> Iterator[FakeAws]:
    """An instance of RDS, a cluster of Aurora, a group of ElastiCache."""
    with pytest.MonkeyPatch.context() as patch, fake_aws() as fake:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        rds = boto3.client("rds", region_name=REGION, endpoint_url=fake.url)
        rds.create_db_instance(DBInstanceIdentifier="records-1", DBInstanceClass="db.m5.large", Engine="postgres")
        rds.create_db_cluster(
            DBClusterIdentifier="orders-1",
            Engine="aurora-postgresql",
            MasterUsername="postgres",
            ManageMasterUserPassword=True,
        )
        for member in ("orders-1-a", "orders-1-b"):
            rds.create_db_instance(
                DBInstanceIdentifier=member,
                DBInstanceClass="db.r6g.large",
                Engine="aurora-postgresql",
                DBClusterIdentifier="orders-1",
            )
        boto3.client("elasticache", region_name=REGION, endpoint_url=fake.url).create_replication_group(
            ReplicationGroupId="cache-1",
            ReplicationGroupDescription="a cache",
            AutomaticFailoverEnabled=True,
            NumCacheClusters=2,
            Engine="redis",
            CacheNodeType="cache.m6g.large",
        )
        yield fake


@pytest.fixture
def aws(account: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """The account, of which nobody has asked anything yet, without experiments; AWS is asked again at once.

    Its clients are made once for all tests, which is most of the time that a question takes.
    """
    monkeypatch.setattr("tasks.aws_client._client", _client_once)
    for module in ("cloud_failover", "aws_fis"):
        monkeypatch.setattr(f"tasks.scenarios.{module}._LOOK", 0.01)
    account.asked.clear()
    state("fis", REGION).experiments.clear()
    return account


@pytest.fixture(scope="module")
def standing_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterSite]:
    """A cluster of Kubernetes with two nodes, for all tests of a module."""
    cluster = small_cluster()
    with served(cluster.app()) as url:
        yield ClusterSite(tmp_path_factory.mktemp("cluster"), url, cluster)


@pytest.fixture
def site(standing_cluster: ClusterSite, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClusterSite]:
    """As it was before each test."""
    for name, value in standing_cluster.secrets().items():
        monkeypatch.setenv(name, value)
    for module in ("part", "pod_killed", "node_drained"):
        monkeypatch.setattr(f"tasks.scenarios.kubernetes_{module}.LOOK", 0.02)
    with standing_cluster.cluster.restored():
        standing_cluster.keep_environment()
        standing_cluster.keep_book({"pod": POD, "node": NODE})
        yield standing_cluster
