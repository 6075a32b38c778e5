"""A small system to operate: its files, one endpoint that is well or not, people with keys, and a ledger."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result
from pydantic import JsonValue
from ruamel.yaml import YAML
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cli.main import main
from tests.tasks.scan_files import pip_audit
from tests.tminus.readiness.room import crew

BOOK = """\
runbook: launch
system: shop
may_waive: [security_lead]
may_roll_back: [engineering_lead]
phases:
  - phase: T-4h
    late_by: 1h
    steps:
      - {id: nothing-known, title: Nothing critical is known, owner: security_lead, check: artifact.vulnerabilities,
         expect: {critical: "= 0", high: "= 0"}}
      - {id: well-before, title: It is well, owner: devops_lead, check: endpoint.health,
         with: {endpoint: api, samples: 1}, expect: {healthy: "= yes"}}
  - phase: T-0
    late_by: 1h
    steps:
      - {id: restore-point, title: A way back, owner: devops_lead, action: postgres.backup,
         with: {database: main, bucket: backups, purpose: restore-point}, timeout: 1m}
      - {id: idle-well, title: The new one is well before the switch, owner: devops_lead, check: endpoint.health,
         with: {endpoint: api, path: /idle, samples: 1}, expect: {healthy: "= yes"}}
      - {id: second-backup, title: Another, owner: devops_lead, action: postgres.backup,
         with: {database: main, bucket: backups, purpose: another}, timeout: 1m}
      - {id: online, title: It is online, owner: devops_lead, check: endpoint.health,
         with: {endpoint: api, samples: 1}, expect: {healthy: "= yes"}}
  - phase: T+4h
    late_by: 1h
    steps:
      - {id: still-online, title: It is still online, owner: devops_lead, check: endpoint.health,
         with: {endpoint: api, path: /later, samples: 1}, expect: {healthy: "= yes"}}
"""
CHECKLIST = """\
readiness: hardening
system: shop
title: Phase one
order: 1
may_waive: [security_lead]
sections:
  - section: network-security
    title: Network
    owner: security_lead
    lines:
      - {ref: shop/hardening/network-security/1, title: It answers, check: endpoint.health,
         with: {endpoint: api, samples: 1}, expect: {healthy: "= yes"}}
      - {ref: shop/hardening/network-security/2, title: The site is scanned, check: artifact.scan,
         with: {reports: pip.json, tool: pip-audit, dated_by: file}, expect: {high: "= 0", age: "< 24 h"}}
  - section: performance
    title: Speed
    owner: devops_lead
    lines:
      - {ref: shop/hardening/performance/1, title: It is quick, check: endpoint.health,
         with: {endpoint: api, path: /idle, samples: 1}, expect: {healthy: "= yes"}}
"""
RELEASE = """\
release: shop-2.0.0
system: shop
ticket: OPS-1
services:
  api:
    version: "2.0.0"
    artifact: sha256:2222222222222222222222222222222222222222222222222222222222222222
    config: sha256:2cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc2
    rollback_to:
      version: "1.0.0"
      artifact: sha256:1111111111111111111111111111111111111111111111111111111111111111
      config: sha256:1cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc1
scans:
  - {tool: pip-audit, path: pip.json}
"""


@dataclass
class Health:
    """An endpoint, well at each path unless it is among `sick`."""

    sick: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        """Answers every path."""
        return Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> JSONResponse:
        self.asked.append(request.url.path)
        return JSONResponse({"status": "down" if request.url.path in self.sick else "ok"})


@dataclass
class Shop:
    """The system's files, in one folder."""

    folder: Path
    url: str

    def __post_init__(self) -> None:
        books = self.folder / "runbooks" / "shop"
        books.mkdir(parents=True)
        (books / "launch.yaml").write_text(BOOK, "utf-8")
        (books / "1.yaml").write_text(CHECKLIST, "utf-8")
        (self.folder / "release.yaml").write_text(RELEASE, "utf-8")
        people = crew(self.folder).model_dump(mode="json")
        self._write("people", people)
        self.set()
        self.scan()

    def set(self, **sections: JsonValue) -> None:
        """Writes the environment file, with other sections."""
        plain: dict[str, JsonValue] = {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(self.ledger)},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(self.folder / "state"),
            "artifacts": str(self.folder),
            "endpoints": {"api": {"url": self.url}},
            "lease": "3s",
        }
        self._write("environment", {**plain, **sections})

    def scan(self, *found: str) -> None:
        """A scanner's report, as of now."""
        (self.folder / "pip.json").write_text(json.dumps(pip_audit(*found)), "utf-8")

    @property
    def ledger(self) -> Path:
        """Where the ledger is, once there is one."""
        return self.folder / "ledger.db"

    @property
    def where(self) -> list[str]:
        """The environment, as an option."""
        return ["--environment", str(self.folder / "environment.yaml")]

    @property
    def book(self) -> list[str]:
        """The book, as an option."""
        return ["--runbook", str(self.folder / "runbooks" / "shop" / "launch.yaml")]

    @property
    def release(self) -> list[str]:
        """The release, as an option."""
        return ["--release", str(self.folder / "release.yaml")]

    @property
    def people(self) -> list[str]:
        """The people, as an option."""
        return ["--people", str(self.folder / "people.yaml")]

    @property
    def books(self) -> list[str]:
        """The folder of all books, as an option."""
        return ["--runbooks", str(self.folder / "runbooks")]

    def key(self, person: str) -> list[str]:
        """Somebody's key, as an option."""
        return ["--key", str(self.folder / person)]

    def operate(self, *words: str, typed: str | None = None) -> Result:
        """`tminus operate …`, with what is typed into it."""
        return CliRunner().invoke(main, ["operate", *words], input=typed)

    def _write(self, name: str, data: JsonValue) -> None:
        with (self.folder / f"{name}.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(data, file)
