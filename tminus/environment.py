"""Where it runs: one YAML file an environment, with addresses and references to secrets, never values."""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from tminus.clock import Clock, Duration
from tminus.credentials import SecretRef
from tminus.loopback import url_is_local
from tminus.systems.backups import Backups
from tminus.systems.change_calendar import Calendar
from tminus.systems.command import Command
from tminus.systems.drills import Drills
from tminus.systems.pagerduty import HttpsAddress, PagerDutyRest
from tminus.systems.readiness import Systems
from tminus.systems.section import Section
from tminus.systems.stores import Bucket, Postgres, Redis
from tminus.systems.web import Api


class Kind(StrEnum):
    """What is at stake there."""

    REHEARSAL = "rehearsal"
    STAGING = "staging"
    PRODUCTION = "production"


class Impact(StrEnum):
    """What looking does to the system looked at."""

    NONE = "none"
    PROBE = "probe"
    SYNTHETIC = "synthetic"
    LOAD = "load"
    PAGE = "page"


class RollOut(Section):
    """How a version is put on a pool: three commands, of which the probe is not optional.

    `probe` exits 0 when the pool runs exactly that version, 3 when it does not, 4 while it is under way.
    `run` and `undo` exit 0 when done, 4 when under way, and 3 or 6 (a newer `{token}` was there) when certainly
    nothing changed; any other status leaves it to the probe.
    """

    run: Command
    probe: Command
    undo: Command


class Nginx(Section):
    """A service behind nginx: blue/green by rewriting the upstream's include file.

    Attributes:
        config: nginx's own configuration file, from which instances are discovered.
        upstream: the upstream block's name.
        include: the file that holds that block, rewritten by a switch.
        reload: the command that makes nginx read it; it must end, and leave no daemon behind.
        test: the command that says whether nginx would accept its configuration (`nginx -t`), run before a reload.
        pools: the instances of each pool, by address; what serves is read from nginx, not from here.
        error_log: nginx's error log, where each reload leaves a line.
    """

    config: Path
    upstream: str
    include: Path
    reload: Command
    test: Command | None = None
    pools: dict[str, tuple[str, ...]] = Field(min_length=2, max_length=2)
    error_log: Path | None = None


class Service(Section):
    """One service of the system being launched."""

    front: str
    nginx: Nginx
    roll_out: RollOut
    health: str = "/health"
    version: str = "/version"
    metrics: str = "/metrics"
    control: str | None = None
    logs: tuple[str, ...] = ()


class Grafana(Api):
    """Where dashboards live."""

    token: SecretRef


class Prometheus(Api):
    """Where metrics can be queried."""


class Slack(Section):
    """Where people are asked and told.

    Attributes:
        token: the bot's, for messages and dialogs.
        app_token: for Socket Mode, by which presses and commands come over a connection that the gateway opens itself.
        signing_secret: for HTTP requests, by which they come through a public door. One of the two, or both.
    """

    channel: str
    token: SecretRef
    signing_secret: SecretRef | None = None
    app_token: SecretRef | None = None
    api: str = "https://slack.com/api/"

    @model_validator(mode="after")
    def _a_way_in(self) -> "Slack":
        if self.signing_secret is None and self.app_token is None:
            raise ValueError("slack: app_token (Socket Mode) or signing_secret (HTTP) lets answers in; give one")
        return self

    def secrets(self) -> Iterator[str]:
        """Every reference to a secret that a launch and its gateway need."""
        yield from (one for one in (self.token, self.signing_secret, self.app_token) if one is not None)


class PagerDuty(Section):
    """Where on-call is woken, and where it can be asked who that is.

    Attributes:
        api, token: of the REST API, for what readiness asks; pages need only the routing key. Without a token here,
            `rest`'s api and token are used.
        rest: for pages to the roles' own escalation policies, and for answers to notes.
        webhook_secrets: those of the webhook subscriptions that send notes here; more than one while one is exchanged.
    """

    routing_key: SecretRef
    events: HttpsAddress = "https://events.pagerduty.com"
    ca_file: Path | None = None
    api: HttpsAddress = "https://api.pagerduty.com"
    token: SecretRef | None = None
    rest: PagerDutyRest | None = None
    webhook_secrets: tuple[SecretRef, ...] = ()

    def secrets(self) -> Iterator[str]:
        """Every reference to a secret that a launch and its gateway need."""
        yield self.routing_key
        yield from self.webhook_secrets
        if self.rest is not None:
            yield self.rest.token

    def addresses(self) -> Iterator[str]:
        """Where it is."""
        yield self.events
        if self.token is not None:
            yield self.api
        if self.rest is not None:
            yield self.rest.api


class Ledger(Section):
    """Where the record is kept: one of the two, PostgreSQL for production."""

    sqlite: Path | None = None
    postgres: SecretRef | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "Ledger":
        if (self.sqlite is None) == (self.postgres is None):
            raise ValueError("a ledger is either sqlite: PATH or postgres: SECRET-REFERENCE")
        return self


class Prefect(Section):
    """The engine, and the window on-call looks through."""

    api: str
    ui: str | None = None


class Gateway(Section):
    """Where the inbound door listens."""

    host: str = "127.0.0.1"
    port: int = 8130


class Environment(Systems):
    """An environment: what it is, what it allows, and one typed field per outside system.

    Attributes:
        allows: the impacts a check may have here; production allows `none` and `probe` unless told.
        state: a folder of this machine's own: the local journal of undo, run files.
        lease: how long a conductor that fell silent still counts as alive.
        calendar: when launches, rotations and drills may begin here; at any time where there is none.
    """

    environment: str
    kind: Kind
    ledger: Ledger
    prefect: Prefect
    state: Path
    allows: frozenset[Impact] = frozenset({Impact.NONE, Impact.PROBE})
    clock: Clock = Clock()
    lease: Duration = timedelta(seconds=20)
    gateway: Gateway = Gateway()
    services: dict[str, Service] = Field(default_factory=dict)
    postgres: dict[str, Postgres] = Field(default_factory=dict)
    redis: dict[str, Redis] = Field(default_factory=dict)
    buckets: dict[str, Bucket] = Field(default_factory=dict)
    grafana: Grafana | None = None
    prometheus: Prometheus | None = None
    slack: Slack | None = None
    pagerduty: PagerDuty | None = None
    backups: Backups | None = None
    drills: Drills | None = None
    calendar: Calendar | None = None
    anchors: tuple[Literal["s3", "slack", "pagerduty"], ...] = ()

    @model_validator(mode="after")
    def _kept_apart(self) -> "Environment":
        if self.clock.compressed and self.kind is not Kind.REHEARSAL:
            raise ValueError(f"clock: only a rehearsal may compress time, and this environment is {self.kind}")
        if self.clock.compressed and (outside := [url for url in self.addresses() if not url_is_local(url)]):
            raise ValueError(f"clock: a compressed clock wants every address on loopback; {', '.join(outside)} is not")
        if self.kind is Kind.PRODUCTION and self.ledger.postgres is None:
            raise ValueError("ledger: production wants postgres, since a file on one machine is lost with it")
        return self

    @model_validator(mode="after")
    def _anchored_somewhere(self) -> "Environment":
        """A head that is written down nowhere would count as anchored."""
        there = {"s3": "anchors" in self.buckets, "slack": bool(self.slack), "pagerduty": bool(self.pagerduty)}
        wanted = {"s3": "a bucket called anchors", "slack": "a slack section", "pagerduty": "a pagerduty section"}
        if missing := [f"{where} wants {wanted[where]}" for where in self.anchors if not there[where]]:
            raise ValueError(f"anchors: {', and '.join(missing)}")
        return self

    def secrets(self) -> Iterator[str]:
        """Every reference to a secret that a launch here will need: not the ledger's own, nor those of `backups`."""
        yield from (section.dsn for section in self.postgres.values())
        yield from (section.url for section in self.redis.values())
        for bucket in self.buckets.values():
            yield from (reference for reference in (bucket.access_key, bucket.secret_key) if reference)
        if self.grafana:
            yield self.grafana.token
        if self.prometheus and self.prometheus.token:
            yield self.prometheus.token
        if self.slack:
            yield from self.slack.secrets()
        if self.pagerduty:
            yield from self.pagerduty.secrets()

    def addresses(self) -> Iterator[str]:
        """Every plain address in the file; of those inside secrets `tasks.estate` asks where they lead, before use."""
        yield self.prefect.api
        for service in self.services.values():
            yield service.front
            for pool in service.nginx.pools.values():
                yield from (f"http://{address}" for address in pool)
        yield from (bucket.endpoint or "https://s3.amazonaws.com" for bucket in self.buckets.values())
        if self.grafana:
            yield self.grafana.url
        if self.prometheus:
            yield self.prometheus.url
        if self.slack:
            yield self.slack.api
        if self.pagerduty:
            yield from self.pagerduty.addresses()
        yield from self.system_addresses()
