"""Files and a ledger of drills, for commands that break nothing: what happened is written down as if it had."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result
from pydantic import JsonValue
from ruamel.yaml import YAML

from cli.main import main
from flows.drill_round import opened_drills
from tminus import events as ev
from tminus.lease import take
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry, Store

COMMAND: dict[str, JsonValue] = {"argv": ["true"]}
MACHINE: dict[str, JsonValue] = {"probe": COMMAND, "kill": COMMAND, "start": COMMAND}
REJOIN: JsonValue = {"argv": ["rejoin", "{primary}"]}
NAME = "failover"
PROMISE: dict[str, JsonValue] = {"title": "It dies", "owner": "devops_lead", "rto": "1h", "rpo": "1h", "approval": []}


@dataclass(frozen=True)
class DrillDesk:
    """A book and an environment in a folder."""

    folder: Path

    def write(self, book: Mapping[str, JsonValue], environment: Mapping[str, JsonValue]) -> None:
        """Says both files anew."""
        for name, data in (("drills", book), ("environment", environment)):
            with (self.folder / f"{name}.yaml").open("w", encoding="utf-8") as file:
                YAML().dump(data, file)

    @property
    def files(self) -> list[str]:
        """How commands are told which."""
        return ["--runbook", str(self.folder / "drills.yaml"), "--environment", str(self.folder / "environment.yaml")]

    def tminus(self, command: str, *words: str, env: Mapping[str, str] | None = None) -> Result:
        """Calls the command line."""
        return CliRunner().invoke(main, [command, *words, *self.files], env=env)

    def validate(self) -> Result:
        """Looks at the book in its environment."""
        environment = str(self.folder / "environment.yaml")
        return CliRunner().invoke(main, ["validate", str(self.folder / "drills.yaml"), "--environment", environment])

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The ledger."""
        with closing(opened_drills(self.folder / "drills.yaml", self.folder / "environment.yaml").store()) as store:
            yield store

    def tell(self, name: str, *events: ev.Event, alive: bool = False) -> None:
        """Writes down what happened to a scenario; `alive` says that this process still plays it."""
        opened = opened_drills(self.folder / "drills.yaml", self.folder / "environment.yaml")
        with self.store() as store:
            chain = opened.chain(name)
            have_chain(store, chain)
            store.append(*(Entry(chain, ev.write(event)) for event in events))
            if alive:
                take(store, chain, 60)


def an_environment(folder: Path, kind: str = "staging") -> dict[str, JsonValue]:
    """One PostgreSQL cluster and one Redis, that are nowhere."""
    a, b = ({**MACHINE, "dsn": f"env:PG_{name}", "rejoin": REJOIN} for name in "AB")
    c, d = ({**MACHINE, "url": f"env:REDIS_{name}", "rejoin": REJOIN} for name in "CD")
    return {
        "environment": "staging",
        "kind": kind,
        "ledger": {"sqlite": str(folder / "ledger.sqlite")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(folder / "state"),
        "sentinels": {"cache": {"urls": ["env:SENTINEL"], "primary": "cache"}},
        "drills": {
            "postgres": {"main": {"nodes": {"a": a, "b": b}}},
            "redis": {"cache": {"sentinels": "cache", "nodes": {"c": c, "d": d}}},
        },
    }


def a_book() -> dict[str, JsonValue]:
    """A scenario of each."""
    return {
        "drills": "house",
        "title": "The house's drills",
        "scenarios": {
            NAME: {"kind": "postgres.failover", "cluster": "main", **PROMISE},
            "cache-failover": {"kind": "redis.failover", "group": "cache", **PROMISE},
        },
    }
