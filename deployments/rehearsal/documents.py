"""The files of a rehearsal: what a release manager would write by hand for a real environment."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import JsonValue
from ruamel.yaml import YAML

from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.crew import CREW, POLICY, SERVICE, WRITER, Member, on_call, workspace
from deployments.rehearsal.faults import Fault
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.servers import Addresses
from deployments.rehearsal.trading_builds import NEXT, PREVIOUS, trading_build
from deployments.rehearsal.trading_estate import TradingAddress
from deployments.rehearsal.trading_logins import book
from tminus.clock import parse_duration

CHANNEL = "C0LAUNCHES"


@dataclass(frozen=True)
class Ports:
    """Where Slack, PagerDuty and the gateway listen."""

    slack: int
    pagerduty: int
    gateway: int

    @classmethod
    def plan(cls) -> Self:
        """Free ones."""
        return cls(free_port(), free_port(), free_port())


@dataclass(frozen=True)
class Documents:
    """Where everything is written."""

    folder: Path
    environment: Path
    secrets: Path
    people: Path
    release: Path
    simulated: Path
    workspace: Path
    schedule: Path
    ledger: Path
    slack_record: Path
    pagerduty_record: Path
    certificates: Path
    hour: timedelta

    def key(self, role: str) -> Path:
        """The private key of whoever has this role."""
        return self.folder / "keys" / role


def write_documents(
    folder: Path,
    addresses: Addresses,
    trading: TradingAddress,
    ports: Ports,
    fault: Fault,
    hour: str,
    *,
    recipient: str,
    ledger: str | None = None,
) -> Documents:
    """Writes every file; returns where they are.

    `recipient` is the public key for backups. `ledger` refers to a PostgreSQL ledger's DSN; without it, a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = Documents(
        folder=folder,
        environment=folder / "environment.yaml",
        secrets=folder / "runbooks" / "tradesense" / "secrets.yaml",
        people=folder / "people.yaml",
        release=folder / "release.yaml",
        simulated=folder / "people-simulated.yaml",
        workspace=folder / "workspace.json",
        schedule=folder / "on-call.json",
        ledger=folder / "ledger.sqlite",
        slack_record=folder / "slack.jsonl",
        pagerduty_record=folder / "pagerduty.jsonl",
        certificates=folder / "certificates",
        hour=parse_duration(hour),
    )
    environment = _environment(files, addresses, trading, ports, hour)
    backups: JsonValue = {
        "recipients": [recipient],
        "identity": "env:TMINUS_REHEARSAL_BACKUP_IDENTITY",
        "scratch": str(folder / "scratch"),
        "disk": "2 GB",
    }
    kept: JsonValue = {"postgres": ledger} if ledger else {"sqlite": str(files.ledger)}
    _write_yaml(files.environment, {**environment, "backups": backups, "ledger": kept})
    files.secrets.parent.mkdir(parents=True, exist_ok=True)
    _write_yaml(files.secrets, book())
    _write_yaml(files.people, {"people": [_person(files, one) for one in CREW]})
    _write_yaml(files.release, _release(files, fault))
    _write_yaml(files.simulated, _simulated(files, fault))
    files.workspace.write_text(json.dumps(workspace()), "utf-8")
    files.schedule.write_text(json.dumps(on_call()), "utf-8")
    return files


def _write_yaml(path: Path, data: JsonValue) -> None:
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(data, file)


def _environment(
    files: Documents, addresses: Addresses, trading: TradingAddress, ports: Ports, hour: str
) -> Mapping[str, JsonValue]:
    nginx, s3 = addresses.nginx, addresses.aws
    bucket: dict[str, JsonValue] = {
        "bucket": s3.bucket,
        "endpoint": s3.url,
        "region": s3.region,
        "access_key": "env:AWS_ACCESS_KEY_ID",
        "secret_key": "env:AWS_SECRET_ACCESS_KEY",
    }
    pools: dict[str, JsonValue] = {
        pool: [f"{HOST}:{port}" for port in places] for pool, places in trading.pools.items()
    }
    return {
        "environment": "tradesense-rehearsal",
        "kind": "rehearsal",
        "allows": ["none", "probe", "synthetic"],
        "clock": {"hour": hour},
        "lease": "20s",
        "state": str(files.folder / "state"),
        "prefect": {"api": addresses.prefect.api_url, "ui": addresses.prefect.url},
        "gateway": {"host": HOST, "port": ports.gateway},
        "services": {
            "trading": {
                "front": nginx.url("trading"),
                "control": "/api/prices",
                "logs": [str(trading.logs / "*.jsonl")],
                "nginx": {
                    "config": str(nginx.configuration),
                    "upstream": "trading",
                    "include": str(nginx.upstream("trading")),
                    "reload": {"argv": list(nginx.reload)},
                    "error_log": str(nginx.error_log),
                    "pools": pools,
                },
                "roll_out": _roll_out(trading),
            }
        },
        "postgres": {"main": {"dsn": "env:TMINUS_REHEARSAL_DSN", "rotator": "env:TMINUS_REHEARSAL_ROTATOR_DSN"}},
        "redis": {"main": {"url": "env:TMINUS_REHEARSAL_REDIS_URL"}},
        "buckets": {"backups": {**bucket, "prefix": "backups/"}, "anchors": {**bucket, "prefix": ""}},
        "aws": {name: bucket[name] for name in ("region", "endpoint", "access_key", "secret_key")},
        "runbooks": str(files.secrets.parents[1]),
        "anchors": ["s3", "slack"],
        "grafana": {"url": addresses.grafana.url, "token": "env:TMINUS_REHEARSAL_GRAFANA_TOKEN"},
        "slack": {
            "api": f"http://{HOST}:{ports.slack}/api/",
            "channel": CHANNEL,
            "token": "env:TMINUS_REHEARSAL_SLACK_TOKEN",
            "signing_secret": "env:TMINUS_REHEARSAL_SLACK_SIGNING",
        },
        "pagerduty": {
            "events": f"https://{HOST}:{ports.pagerduty}",
            "routing_key": "env:TMINUS_REHEARSAL_PAGERDUTY_KEY",
            "ca_file": str(files.certificates / "ca.pem"),
            "rest": {
                "api": f"https://{HOST}:{ports.pagerduty}",
                "token": "env:TMINUS_REHEARSAL_PAGERDUTY_TOKEN",
                "from_email": WRITER,
                "service": SERVICE,
                "policies": {"devops_lead": POLICY},
            },
            "webhook_secrets": ["env:TMINUS_REHEARSAL_PAGERDUTY_WEBHOOK"],
        },
    }


def _roll_out(trading: TradingAddress) -> JsonValue:
    build = ["--version", "{version}", "--artifact-digest", "{artifact}", "--config-digest", "{config}"]
    size = ["--instances", str(len(trading.pools["green"]))]
    ctl = list(trading.ctl)
    return {
        "run": {"argv": [*ctl, "roll-out", "--pool", "{pool}", *build, *size, "--token", "{token}"], "timeout": "60s"},
        "probe": {"argv": [*ctl, "probe", "--pool", "{pool}", *build, *size], "timeout": "10s"},
        "undo": {"argv": [*ctl, "retire", "--pool", "{pool}", "--token", "{token}"], "timeout": "60s"},
    }


def _person(files: Documents, one: Member) -> JsonValue:
    key = Ed25519PrivateKey.generate()
    path = files.key(one.role)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return {
        "id": one.id,
        "name": one.name,
        "roles": [one.role],
        "email": one.email,
        "slack": one.slack,
        "pagerduty": one.pagerduty,
        "key": public,
        "on_duty": one.on_duty,
    }


def _release(files: Documents, fault: Fault) -> JsonValue:
    new, old = trading_build(NEXT), trading_build(PREVIOUS)
    scan = files.folder / "scans" / "pip-audit.json"
    scan.parent.mkdir(parents=True, exist_ok=True)
    found = [{"id": "PYSEC-2026-0001", "fix_versions": ["9.9.9"], "aliases": [], "description": "made up"}]
    report = {
        "dependencies": [
            {"name": "starlette", "version": "1.10.0", "vulns": found if fault.vulnerable else []},
            {"name": "uvicorn", "version": "0.35.0", "vulns": []},
        ],
        "fixes": [],
    }
    scan.write_text(json.dumps(report), "utf-8")
    return {
        "release": new.version,
        "system": "tradesense",
        "ticket": "REL-200",
        "services": {
            "trading": {
                "version": new.version,
                "artifact": new.artifact_digest,
                "config": new.config_digest,
                "rollback_to": {"version": old.version, "artifact": old.artifact_digest, "config": old.config_digest},
            }
        },
        "commits": {"repository": "tradesense", "since": "v1.9.0", "until": "v2.0.0", "authors": []},
        "scans": [
            {
                "tool": "pip-audit",
                "path": "scans/pip-audit.json",
                "sha256": sha256(scan.read_bytes()).hexdigest(),
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        ],
    }


def _simulated(files: Documents, fault: Fault) -> JsonValue:
    people: list[JsonValue] = []
    for one in CREW:
        person: dict[str, JsonValue] = {
            "id": one.id,
            "slack_id": one.slack,
            "roles": [one.role],
            "delay": [0.1, 0.4],
            "environment": {"TMINUS_KEY": str(files.key(one.role))},
        }
        if one.role in fault.people:
            person |= {"behaviour": fault.people[one.role], "when": "*go-no-go*"}
        people.append(person)
    tminus = [sys.executable, "-m", "cli.main"]
    return {
        "seed": 1,
        "people": people,
        "pending_command": [*tminus, "pending", "--json"],
        "answer_command": [*tminus, "{decision}", "{launch}", "--ask", "{request}", "--digest", "{digest}"],
        "answer_commands": {
            # A no and a hold want a reason; a hold is about the launch, whatever is being asked.
            "reject": [*tminus, "reject", "{launch}", "--ask", "{request}", "--reason", "the rehearsal says no"],
            "hold": [*tminus, "hold", "{launch}", "--reason", "the rehearsal holds"],
        },
        "command_poll": 0.5,
    }
