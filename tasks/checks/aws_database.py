"""RDS and Aurora: would a database survive the loss of a zone, of its data, or of somebody's patience?"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.aws_check import NEVER, AwsCheck, absent, in_words, minutes, yes
from tasks.aws_client import MARKER, Answer, AwsService, age, aws_service
from tasks.aws_errors import NotThere
from tasks.estate import Estate
from tminus.expectation import Measurement
from tminus.outcome import Observation

_Name = Field(default=None, min_length=1, max_length=63)


class _Database(Answer):
    """What instances and clusters have in common."""

    multi_az: bool = Field(alias="MultiAZ")
    backup_retention_period: int
    storage_encrypted: bool
    deletion_protection: bool
    latest_restorable_time: datetime | None = None
    publicly_accessible: bool | None = None


class _Instance(_Database):
    identifier: str = Field(alias="DBInstanceIdentifier")
    status: str = Field(alias="DBInstanceStatus")


class _Member(Answer):
    identifier: str = Field(alias="DBInstanceIdentifier")
    publicly_accessible: bool | None = None


class _Cluster(_Database):
    identifier: str = Field(alias="DBClusterIdentifier")
    status: str


class _Instances(Answer):
    instances: list[_Instance] = Field(alias="DBInstances")


class _Members(Answer):
    members: list[_Member] = Field(alias="DBInstances")


class _Clusters(Answer):
    clusters: list[_Cluster] = Field(alias="DBClusters")


class Database(AwsCheck, frozen=True):
    """How RDS keeps a database: one instance, or a cluster such as Aurora's.

    `present`: there is such a database; expected also where the book does not say so. `status`: RDS' own word,
    `available` where all is well. `multi_az`: a standby or another instance stands in another zone. `backup_retention`:
    for how many days automatic backups are kept; 0 turns them off. `encrypted`: storage is encrypted. `restorable`: how
    long ago the latest moment was that it could be restored to, which is what would be lost; a hundred years where it
    cannot be. `public`: it has an address that the internet can reach; of a cluster, any of its instances. `protected`:
    it cannot be deleted by accident.

    Attributes:
        instance: an instance's identifier; either this or `cluster`.
        cluster: a cluster's identifier.
    """

    measures: ClassVar[Mapping[str, str]] = {
        "present": "word",
        "status": "word",
        "multi_az": "word",
        "backup_retention": "d",
        "encrypted": "word",
        "restorable": "min",
        "public": "word",
        "protected": "word",
    }

    kind: Literal["aws.database"] = "aws.database"
    instance: str | None = _Name
    cluster: str | None = _Name

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.instance is None) == (self.cluster is None):
            raise ValueError("name either an `instance` or a `cluster`")
        return self

    def seen(self, estate: Estate) -> Observation:
        """One call, and for a cluster another one for its instances."""
        rds = aws_service(estate, "rds")
        name = self.instance or self.cluster or ""
        where = f"{name}, {rds.where}"
        found = _of_this_name(self._listed(rds), name)
        if found is None:
            what = "instance" if self.instance else "cluster"
            return absent(f"{what} {name}", where)
        unreachable = found.latest_restorable_time is None
        restorable = NEVER if found.latest_restorable_time is None else age(found.latest_restorable_time, rds.where)
        measured = [
            yes("present", True),
            Measurement(name="status", word=found.status[:40]),
            yes("multi_az", found.multi_az),
            Measurement.number("backup_retention", found.backup_retention_period, "d"),
            yes("encrypted", found.storage_encrypted),
            Measurement.number("restorable", minutes(restorable), "min"),
            yes("protected", found.deletion_protection),
        ]
        public = self._public(rds, found) if "public" in self.expect else None
        if public is not None:
            measured.append(yes("public", public))
        problems = ["it has no automatic backups"] if unreachable else []
        return Observation(found=tuple(measured), where=where, because=in_words(problems))

    def _listed(self, rds: AwsService) -> Sequence[_Instance | _Cluster]:
        try:
            if self.cluster is not None:
                clusters = rds.pages(_Clusters, "DescribeDBClusters", MARKER, DBClusterIdentifier=self.cluster)
                return [one for page in clusters for one in page.clusters]
            instances = rds.pages(_Instances, "DescribeDBInstances", MARKER, DBInstanceIdentifier=self.instance)
            return [one for page in instances for one in page.instances]
        except NotThere:
            return []

    def _public(self, rds: AwsService, found: _Instance | _Cluster) -> bool | None:
        """Whether the internet can reach it; None where RDS does not say."""
        said = [found.publicly_accessible]
        if self.cluster is not None:
            pages = rds.pages(
                _Members,
                "DescribeDBInstances",
                MARKER,
                Filters=[{"Name": "db-cluster-id", "Values": [self.cluster]}],
            )
            said = [member.publicly_accessible for page in pages for member in page.members] or said
        return None if any(one is None for one in said) else any(said)


def _of_this_name(listed: Sequence[_Instance | _Cluster], name: str) -> _Instance | _Cluster | None:
    """RDS keeps names in small letters."""
    return next((one for one in listed if one.identifier.lower() == name.lower()), None)
