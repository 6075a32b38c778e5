"""What a drill may break, and the commands by which it does: nothing here is broken that is not named here."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tminus.clock import Duration
from tminus.credentials import SecretRef
from tminus.systems.command import Command
from tminus.systems.drill_chaos import ChaosToolkit
from tminus.systems.drill_cloud import AuroraCluster, ElastiCacheGroup, FisExperiment, RdsInstance
from tminus.systems.drill_kubernetes import KubernetesDeployment, KubernetesNodes
from tminus.systems.drill_links import Link
from tminus.systems.section import Section

_WORDS = {"rejoin": "{primary}", "restore": "{until}"}
_PLACEHOLDER = re.compile(r"(?<!\$)\{\w+\}")
_FILLED = frozenset(f"{{{word}}}" for word in ("pool", "version", "artifact", "config", "token", "primary", "until"))


class Machine(Section):
    """A server as whoever holds its power switch sees it.

    Attributes:
        probe: exits 0 where it runs, 3 where it certainly does not; anything else leaves it unknown.
        kill: ends it as a power cut would: no goodbye to anybody.
        start: starts it as it was; done once it runs, whatever it answers yet.
        rejoin: makes it follow whoever is the primary now, at `{primary}` (`host:port`), and starts it. What it had
            that the primary never got is thrown away. Only for servers that do not do so by themselves.
    """

    probe: Command
    kill: Command
    start: Command
    rejoin: Command | None = None

    @model_validator(mode="after")
    def _commands_are_told_what_they_need(self) -> Self:
        for name, command in self:
            if isinstance(command, Command):
                _require_word(name, command)
        return self


def _require_word(name: str, command: Command) -> None:
    """Raises ValueError where a command lacks the placeholder without which it cannot know where to, or has another."""
    there, wanted = {word for part in command.argv for word in _PLACEHOLDER.findall(part)}, _WORDS.get(name)
    if wanted and wanted not in there:
        instead = f", but {', '.join(sorted(there))}" if there else ""
        raise ValueError(f"{name}: no argument holds {wanted}, which is filled in{instead}")
    if strange := sorted((there & _FILLED) - {wanted}):
        raise ValueError(f"{name}: nothing is filled in for {', '.join(strange)}; take it out")


def _require_different(addresses: Mapping[str, SecretRef]) -> None:
    """Raises ValueError where two servers have the same address: one of them would be taken for the other."""
    for name, address in addresses.items():
        if same := [other for other, its in addresses.items() if its == address and other != name]:
            raise ValueError(f"{name} and {same[0]} have the same address ({address}); each server has its own")


class PostgresNode(Machine):
    """One server of a PostgreSQL cluster.

    Attributes:
        dsn: as whom tminus asks what it is, and promotes it: a member of pg_monitor that may EXECUTE pg_promote.
    """

    dsn: SecretRef


class RedisNode(Machine):
    """One server of a Redis that Sentinels watch.

    Without `rejoin` it is started as it was: a killed primary takes writes beside the new one until the Sentinels make
    it follow, which they do once it has called itself a primary for four of their hello periods of two seconds. What it
    took meanwhile is lost. See `sentinelRefreshInstanceInfo` in https://github.com/redis/redis/blob/7.2/src/sentinel.c.
    """

    url: SecretRef


class PostgresCluster(Section):
    """A primary and its standbys.

    Attributes:
        nodes: by names of your own, which mean a place and not a role.
        database: an entry of `postgres`, by which clients reach whichever is the primary.
    """

    nodes: Annotated[dict[str, PostgresNode], Field(min_length=2)]

    @model_validator(mode="after")
    def _each_can_rejoin(self) -> "PostgresCluster":
        if missing := [name for name, node in self.nodes.items() if node.rejoin is None]:
            raise ValueError(f"{', '.join(missing)}: a PostgreSQL server needs `rejoin`, or it never comes back")
        _require_different({name: node.dsn for name, node in self.nodes.items()})
        return self


class RestorablePostgres(Machine):
    """A PostgreSQL server without standbys, of which there is a backup and an archive of its WAL.

    Attributes:
        dsn: as whom tminus asks what it is: a member of pg_monitor.
        ready: exits 0 where a backup is there from which `restore` can begin, 3 where none is.
        lose: takes the server's data away as a lost disk would, with the server off; but keeps it aside.
        restore: restores the backup and its WAL up to `{until}`, and starts it: an instant in ISO 8601, or `newest` for
            as far as the archive goes. Exits 0 once the server takes writes.
        give_back: undoes `lose`, whatever became of `restore`: where what stands in place of the data never took
            writes, what was kept aside is put back; then it is started.
    """

    dsn: SecretRef
    ready: Command
    lose: Command
    restore: Command
    give_back: Command


class RedisGroup(Section):
    """A primary and its replicas.

    Attributes:
        sentinels: an entry of `sentinels`: who fails over.
    """

    nodes: Annotated[dict[str, RedisNode], Field(min_length=2)]
    sentinels: str

    @model_validator(mode="after")
    def _each_comes_back_as_a_replica(self) -> Self:
        if missing := [name for name, node in self.nodes.items() if node.rejoin is None]:
            raise ValueError(
                f"{', '.join(missing)}: a Redis needs `rejoin` (`replicaof` in its configuration, then started): as it "
                "was it would take writes beside the new primary, and lose them"
            )
        return self

    @model_validator(mode="after")
    def _each_has_its_address(self) -> Self:
        _require_different({name: node.url for name, node in self.nodes.items()})
        return self


class ServiceMachine(Machine):
    """One instance of a service.

    Attributes:
        url: where this one answers itself, with 2xx where it is well.
        customers: where those ask who use the service; `url` where nothing stands before it.
        hang: has it stand still without ending it. resume: has it go on; does nothing to one that does not stand still.
        exhaust: has it run out of memory; leaves no process behind, except inside of it.
        relieve: gives it its memory back, where starting it anew does not.
    """

    url: SecretRef
    customers: SecretRef | None = None
    hang: Command | None = None
    resume: Command | None = None
    exhaust: Command | None = None
    relieve: Command | None = None

    @model_validator(mode="after")
    def _can_go_on(self) -> "ServiceMachine":
        if self.hang is not None and self.resume is None:
            raise ValueError("hang: what makes it hang needs `resume`, or nobody can undo it")
        return self


class KafkaBrokers(Section):
    """Brokers of the environment's `kafka`.

    Attributes:
        topic: to which an outside client sends a message 25 times a second; made for nothing else.
        client: a secret with the client's configuration in JSON, as librdkafka has it (`bootstrap.servers` …).
        brokers: number → its power switch.
    """

    topic: str
    client: SecretRef
    brokers: Annotated[dict[int, Machine], Field(min_length=2)]


class Drills(Section):
    """What may be broken here.

    Attributes:
        allowed: in production, the scenarios that somebody opted in to; elsewhere all of the book may be played.
        postgres, redis: clusters by name.
        services: instances of services by name.
        kafka: brokers by a name for all of them.
        links: links through a proxy, by name.
        rds: database instances of Amazon RDS, by name.
        aurora: clusters of Amazon Aurora, by name.
        elasticache: replication groups of Amazon ElastiCache, by name.
        fis: experiments of AWS' Fault Injection Service, by name.
        kubernetes: Deployments of the environment's `kubernetes`, by name.
        kubernetes_nodes: nodes of it by a label, by name.
        chaostoolkit: what a team's own experiments of Chaos Toolkit break, by name.
        without_window: whether a drill whose book entry names services to be `quiet` is played where PagerDuty opens
            no maintenance window; in production it is not, elsewhere it is, where nothing is said.
        lever: the roles of which one may stop all drills, and allow them again, from Slack; nobody may without.
        restorable: PostgreSQL servers whose data may be lost, by name.
        patience: how long one stage of a drill may take before it counts as failed.
        settles: how long after it ended a `kill` or `lose` may still take effect, as a cloud's order to stop a server
            does: a drill that is interrupted in between waits for so long before it takes a server for unharmed.
    """

    allowed: tuple[str, ...] = ()
    postgres: dict[str, PostgresCluster] = Field(default_factory=dict)
    redis: dict[str, RedisGroup] = Field(default_factory=dict)
    services: dict[str, ServiceMachine] = Field(default_factory=dict)
    kafka: dict[str, KafkaBrokers] = Field(default_factory=dict)
    links: dict[str, Link] = Field(default_factory=dict)
    rds: dict[str, RdsInstance] = Field(default_factory=dict)
    aurora: dict[str, AuroraCluster] = Field(default_factory=dict)
    elasticache: dict[str, ElastiCacheGroup] = Field(default_factory=dict)
    fis: dict[str, FisExperiment] = Field(default_factory=dict)
    chaostoolkit: dict[str, ChaosToolkit] = Field(default_factory=dict)
    kubernetes: dict[str, KubernetesDeployment] = Field(default_factory=dict)
    kubernetes_nodes: dict[str, KubernetesNodes] = Field(default_factory=dict)
    without_window: Literal["play", "refuse"] | None = None
    lever: tuple[str, ...] = ()
    restorable: dict[str, RestorablePostgres] = Field(default_factory=dict)
    patience: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(minutes=2)
    settles: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(seconds=15)
