"""The whole estate on one machine. Its only product is a folder of files: an environment, people, a release, keys."""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from pydantic import SecretStr
from pyrage import x25519

from deployments.rehearsal.addresses import HOST, made_up, plain
from deployments.rehearsal.documents import Ports, write_documents
from deployments.rehearsal.faults import Fault
from deployments.rehearsal.nightly_backup import allow_marks
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import http_answers
from deployments.rehearsal.servers import Servers
from deployments.rehearsal.standing import Standing
from deployments.rehearsal.trading_estate import Trading
from deployments.rehearsal.trading_logins import SECRET, rotator_dsn, take_turns

_MODULE = (sys.executable, "-m")
HOUR = "5s"  # with it a launch from T-4h to T+4h takes less than a minute
_IMPORTS_WITHIN = 60.0  # seconds; on a starved machine importing alone takes long
_LEDGER = "TMINUS_REHEARSAL_LEDGER"
_ROUTING_KEY_LENGTH = 32  # as PagerDuty's are


class WholeEstate(Standing):
    """Everything a launch needs, in `folder`; a `with` block in which it runs, and after which none of it does.

    Args:
        folder: where all files go.
        fault: what is broken on purpose, in the servers alone.
        hour: how long an hour of the countdown takes.
        ledger: the DSN of a PostgreSQL ledger that runs before this does; without it the ledger is a file.
    """

    def __init__(self, folder: Path, fault: Fault, hour: str = HOUR, *, ledger: SecretStr | None = None) -> None:
        self.folder = folder
        self.fault = fault
        self.ports = Ports.plan()
        self.trading = Trading.plan(folder / "trading")
        self.servers = Servers(folder / "servers", instances={"trading": self.trading.address.pools["blue"]})
        identity = x25519.Identity.generate()
        backups = {"TMINUS_REHEARSAL_BACKUP_IDENTITY": SecretStr(str(identity))}
        self._rotator = made_up()
        self.secrets = {**self._secrets(), **backups, **({_LEDGER: ledger} if ledger else {})}
        reference = f"env:{_LEDGER}" if ledger else None
        self.documents = write_documents(
            folder,
            self.servers.addresses,
            self.trading.address,
            self.ports,
            fault,
            hour,
            recipient=str(identity.to_public()),
            ledger=reference,
        )
        self._ledger = reference or f"sqlite:{self.documents.ledger}"

    @property
    def processes(self) -> Processes:
        """The supervisor of everything."""
        return self.servers.processes

    def environment(self) -> dict[str, str]:
        """What every tminus process of this rehearsal sees: resolved secrets, and where the ledger is."""
        return {
            **plain(self.secrets),
            "TMINUS_LEDGER": self._ledger,
            # A paused flow outlives a server that answers 500 for a while.
            "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500,504",
            "PREFECT_CLIENT_MAX_RETRIES": "12",
        }

    def stand(self, ending: ExitStack) -> None:
        """See Standing."""
        self.servers.start_worker(self.environment())
        ending.enter_context(self.servers)
        self._start_around()

    def _start_around(self) -> None:
        addresses = self.servers.addresses
        self._start_trading()
        allow_marks(addresses.postgres)
        self._run_old_version()
        self._show_to_grafana()
        self._start_slack()
        self._start_pagerduty()
        self.trading.start_traffic(self.processes, addresses.nginx.url("trading"))
        self.start_gateway("gateway", self.documents.environment, self.ports.gateway)
        self._start_people()
        self.servers.await_prefect()

    def _start_trading(self) -> None:
        """Its instances log in as Secrets Manager says at that moment."""
        addresses = self.servers.addresses
        postgres, redis, aws = addresses.postgres, addresses.redis, addresses.aws
        self.trading.make_tables(postgres)
        take_turns(postgres, aws, self._rotator)
        nobodys = f"postgresql://{HOST}:{postgres.port}/{postgres.database}"
        known = {"TRADING_PG_SECRET": SecretStr(SECRET), "AWS_ENDPOINT_URL": SecretStr(aws.url), **aws.environment()}
        self.trading.start_platform(self.processes, nobodys, redis.dsn().get_secret_value(), known)

    def _run_old_version(self) -> None:
        """Version 1.9.0 serves from the blue pool before anything begins."""
        argv = self.trading.address.roll_out("blue", "1.9.0")
        log = self.folder / "roll-out-blue.log"
        child = self.processes.start("first roll-out", argv, log=log)
        if child.wait(60) != 0:
            raise RuntimeError(f"the old version did not start: {log.read_text('utf-8')[-500:]}")

    def _show_to_grafana(self) -> None:
        """Every place of both pools is scraped; one that nobody runs in simply has no points."""
        places = [f"{HOST}:{port}" for ports in self.trading.address.pools.values() for port in ports]
        targets = self.servers.addresses.grafana.targets
        targets.write_text(json.dumps([{"targets": places, "labels": {"job": "trading"}}]), "utf-8")

    def _start_slack(self) -> None:
        port, record = self.ports.slack, self.documents.slack_record
        argv = (
            *_MODULE,
            "deployments.rehearsal.slack_stand_in",
            "--port",
            str(port),
            "--record",
            str(record),
            "--workspace",
            str(self.documents.workspace),
        )
        env = {"SLACK_BOT_TOKEN": self.secrets["TMINUS_REHEARSAL_SLACK_TOKEN"].get_secret_value()}
        ready = http_answers(port, "/_control/messages")
        self.processes.start("slack (stand-in)", argv, env=env, log=self.folder / "slack.log", ready=ready)

    def _start_pagerduty(self) -> None:
        port, record = self.ports.pagerduty, self.documents.pagerduty_record
        argv = (
            *(*_MODULE, "deployments.rehearsal.pagerduty_stand_in", "--port", str(port), "--record", str(record)),
            *("--schedule", str(self.documents.schedule), "--tls", str(self.documents.certificates)),
            *("--webhook", f"http://{HOST}:{self.ports.gateway}/pagerduty/webhooks"),
        )
        env = {
            "PAGERDUTY_ROUTING_KEY": self.secrets["TMINUS_REHEARSAL_PAGERDUTY_KEY"].get_secret_value(),
            "PAGERDUTY_API_TOKEN": self.secrets["TMINUS_REHEARSAL_PAGERDUTY_TOKEN"].get_secret_value(),
            "PAGERDUTY_WEBHOOK_SECRET": self.secrets["TMINUS_REHEARSAL_PAGERDUTY_WEBHOOK"].get_secret_value(),
        }
        authority = self.documents.certificates / "ca.pem"
        self.processes.start(
            "pagerduty (stand-in)", argv, env=env, log=self.folder / "pagerduty.log", ready=authority.exists
        )

    def start_gateway(self, name: str, environment: Path, port: int) -> None:
        """Starts a gateway by its environment file, which names this port; the first one runs from the beginning."""
        argv = (*_MODULE, "cli.main", "gateway", "--environment", str(environment))
        prefect = plain(self.servers.addresses.prefect.environment())
        self.processes.start(
            name,
            argv,
            env={**self.environment(), **prefect},
            log=self.folder / f"{name}.log",
            ready=http_answers(port, "/health"),
            ready_within=_IMPORTS_WITHIN,
        )

    def _start_people(self) -> None:
        argv = (
            *(*_MODULE, "deployments.rehearsal.people_simulator", "--people", str(self.documents.simulated)),
            *("--slack", f"http://{HOST}:{self.ports.slack}", "--gateway", f"http://{HOST}:{self.ports.gateway}"),
            *("--record", str(self.folder / "people.jsonl")),
        )
        env = {
            **self.environment(),
            "SLACK_SIGNING_SECRET": self.secrets["TMINUS_REHEARSAL_SLACK_SIGNING"].get_secret_value(),
        }
        self.processes.start("people (simulated)", argv, env=env, log=self.folder / "people.log")

    def _secrets(self) -> Mapping[str, SecretStr]:
        addresses = self.servers.addresses
        return {
            **addresses.environment(),
            "TMINUS_REHEARSAL_DSN": addresses.postgres.dsn("tminus"),
            "TMINUS_REHEARSAL_ROTATOR_DSN": rotator_dsn(addresses.postgres, self._rotator),
            "TMINUS_REHEARSAL_REDIS_URL": addresses.redis.dsn(),
            "TMINUS_REHEARSAL_SLACK_TOKEN": SecretStr(f"xoxb-{made_up().get_secret_value()}"),
            "TMINUS_REHEARSAL_SLACK_SIGNING": made_up(),
            "TMINUS_REHEARSAL_PAGERDUTY_KEY": SecretStr(os.urandom(_ROUTING_KEY_LENGTH // 2).hex()),
            "TMINUS_REHEARSAL_PAGERDUTY_TOKEN": made_up(),
            "TMINUS_REHEARSAL_PAGERDUTY_WEBHOOK": made_up(),
        }
