"""A service behind a proxy, and what it needs behind another: what drills of machines and of links may break."""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from pydantic import JsonValue

from deployments.rehearsal.addresses import HOST
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.machine_plan import PlannedMachine, write_plan
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Processes
from deployments.rehearsal.readiness import port_open
from deployments.rehearsal.standing import Standing

_SWITCH = (sys.executable, "-m", "deployments.rehearsal.machinectl")
_DEEDS = ("probe", "kill", "start", "hang", "resume", "exhaust")


class DrillSite(Standing):
    """`orders` needs `secrets`, over a link each; in `folder`; a `with` block in which they run.

    Args:
        folder: where all files go.
        needed: the port of 127.0.0.1 behind the link `secrets`; None has a second service run there.
        needs: the path that is asked for there.
    """

    def __init__(self, folder: Path, needed: int | None = None, needs: str = "/") -> None:
        self.folder = folder
        self.processes = Processes()
        self.plan = folder / "machines.json"
        self.environment_file = folder / "environment.yaml"
        self.book = folder / "drills.yaml"
        self._needed = needed
        self._ports = {name: free_port() for name in ("api", "orders", "front", "link", "secrets")}
        self._needs = f"http://{HOST}:{self._ports['link']}{needs}"

    def stand(self, ending: ExitStack) -> None:
        """See Standing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ending.enter_context(self.processes)
        ports, secrets = self._ports, self._needed or self._ports["secrets"]
        proxies = [f"orders={ports['front']}:{ports['orders']}", f"secrets={ports['link']}:{secrets}"]
        stand_in = "deployments.rehearsal.toxiproxy_stand_in"
        proxied = [sys.executable, "-m", stand_in, "--port", str(ports["api"]), *proxies]
        started = {"toxiproxy": (proxied, "api"), "orders": (list(self._machine().argv), "orders")}
        if self._needed is None:
            started["secrets"] = (self._service("secrets"), "secrets")
        for name, (argv, port) in started.items():
            log, ready = self.folder / f"{name}.log", port_open(ports[port])
            self.processes.start(name, argv, cwd=CHECKOUT, log=log, ready=ready)
        write_plan(self.plan, {"orders": self._machine()})
        self.environment_file.write_text(json.dumps(self._environment()), "utf-8")  # JSON is YAML as well
        self.keep_book(BOOK)

    def keep_book(self, scenarios: Mapping[str, Mapping[str, JsonValue]]) -> None:
        """Writes the book, with what its entries have in common."""
        write_book(self.book, scenarios)

    def environment(self) -> dict[str, str]:
        """What every process of a drill sees: the addresses, and the mark by which what it starts ends with us."""
        urls = {"ORDERS": self._url("orders"), "CUSTOMERS": self._url("front")}
        return {**{f"TMINUS_SITE_{name}": url for name, url in urls.items()}, **self.processes.mark()}

    def seen(self) -> dict[str, str]:
        """The same beside this process's own variables."""
        return {**os.environ, **self.environment()}

    @property
    def toxiproxy(self) -> str:
        """Where its API is."""
        return f"http://{HOST}:{self._ports['api']}"

    def _url(self, port: str) -> str:
        return f"http://{HOST}:{self._ports[port]}/"

    def _machine(self) -> PlannedMachine:
        home = self.folder / "orders"
        argv = (*self._service("orders"), "--needs", self._needs)
        log, mark = self.folder / "orders.log", {"PYTHONPATH": str(CHECKOUT), **self.processes.mark()}
        return PlannedMachine(kind="service", argv=argv, data=home, log=log, environment=mark)

    def _service(self, name: str) -> list[str]:
        module = "deployments.rehearsal.drill_service"
        return [sys.executable, "-m", module, str(self.folder / name), "--port", str(self._ports[name])]

    def _environment(self) -> JsonValue:
        commands: dict[str, JsonValue] = {
            deed: {"argv": [*_SWITCH, str(self.plan), deed, "orders"], "timeout": "20s"} for deed in _DEEDS
        }
        client: JsonValue = {"store": "http", "references": ["env:TMINUS_SITE_CUSTOMERS"]}
        link: dict[str, JsonValue] = {"api": {"url": self.toxiproxy}, "client": client}
        orders: dict[str, JsonValue] = {
            "url": "env:TMINUS_SITE_ORDERS",
            "customers": "env:TMINUS_SITE_CUSTOMERS",
            **commands,
        }
        return {
            "environment": "drills",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(self.folder / "ledger.sqlite")},
            "prefect": {"api": f"http://{HOST}:1/api"},
            "state": str(self.folder / "state"),
            "lease": "5s",
            "drills": {
                "settles": "0s",
                "patience": "20s",
                "services": {"orders": orders},
                "links": {name: {**link, "proxy": name} for name in ("orders", "secrets")},
                "chaostoolkit": {"orders": {"client": client}},
            },
        }


def write_book(path: Path, scenarios: Mapping[str, Mapping[str, JsonValue]]) -> None:
    """A book of drills, with what its entries have in common."""
    common: dict[str, JsonValue] = {"owner": "devops_lead", "rto": "1h", "rpo": "1h", "approval": []}
    common |= {"lead_in": "200 ms"}
    entries = {name: {**common, **one} for name, one in scenarios.items()}
    book = {"drills": "tradesense", "title": "The site's drills", "scenarios": entries}
    path.write_text(json.dumps(book), "utf-8")


BOOK: dict[str, dict[str, JsonValue]] = {
    "killed": {"kind": "machine.killed", "title": "It dies", "machine": "orders", "starts": "tminus"},
    "hung": {"kind": "machine.hung", "title": "It hangs", "machine": "orders", "starts": "tminus"},
    "memory": {
        "kind": "machine.out_of_memory",
        "title": "It runs out of memory",
        "machine": "orders",
        "starts": "tminus",
    },
    "cut": {"kind": "proxy.cut", "title": "Nobody reaches it", "link": "orders", "lasts": "300 ms"},
    "closed": {"kind": "proxy.closed", "title": "It refuses", "link": "orders", "lasts": "300 ms"},
    "slow": {"kind": "proxy.slow", "title": "It is slow", "link": "orders", "lasts": "300 ms", "ms": 150},
    "secrets-unreachable": {
        "kind": "proxy.cut",
        "title": "The secrets store is gone",
        "link": "secrets",
        "lasts": "300 ms",
    },
}
"""The scenarios that can be played on it."""
