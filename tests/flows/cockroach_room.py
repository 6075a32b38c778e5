"""A live CockroachDB and a scratch cluster, with a system whose backups they make. Fakes, of the protocol only."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML

from deployments.rehearsal.vendors.cockroach import CockroachFake
from deployments.rehearsal.vendors.cockroach_restores import RestoreState, Restoring
from deployments.rehearsal.vendors.cockroach_state import COLLECTION
from flows.backup_verification import verify
from tasks.backups import cockroach_jobs
from tests.conftest import Estates
from tminus import events as ev
from tminus.backups.opened import OpenedBackups, open_backups
from tminus.ledger.opening import have_chain
from tminus.ledger.store import Entry
from tminus.record_parts import read_event

INVARIANT = "SELECT count(*) FROM orders WHERE account_id IS NULL"
STORE = {
    "title": "The database",
    "kind": "cockroach.backup",
    "owner": "o",
    "bucket": "backups",
    "cluster": "main",
    "database": "vatic",
    "collection": COLLECTION,
    "every": "24h",
    "rpo": "1h",
    "rto": "15m",
    "invariants": [{"title": "Every order has an account", "sql": INVARIANT, "expect": "= 0"}],
}


@dataclass
class Clusters:
    """A live cluster, and a scratch."""

    estates: Estates
    live: CockroachFake
    scratch: CockroachFake
    dsns: Mapping[str, str]

    @property
    def restores(self) -> RestoreState:
        """What the scratch cluster knows of backups, and made of them."""
        return self.scratch.state.restores

    def opened(self, *, proven_on: tuple[str, ...] = ("v24.3",), **main: str) -> OpenedBackups:
        """The book and its environment; `main` are more of the live cluster's section."""
        folder: Path = self.estates.folder
        secret = {name: self.estates.secret(SecretStr(dsn)) for name, dsn in self.dsns.items()}
        section = {"dsn": secret["main"], "scratch": "scratch", "proven_on": list(proven_on), **main}
        environment = {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": str(folder / "ledger.db")},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": str(folder / "state"),
            "cockroach": {
                "main": {key: value for key, value in section.items() if value},
                "scratch": {"dsn": secret["scratch"]},
            },
            "backups": {"scratch": str(folder / "scratch")},
        }
        yaml = YAML(typ="safe", pure=True)
        yaml.dump({"backups": "vatic", "title": "t", "stores": {"database": STORE}}, folder / "backups.yaml")
        yaml.dump(environment, folder / "environment.yaml")
        return open_backups(folder, folder / "environment.yaml")

    def verified(self, **main: object) -> ev.BackupVerified:
        """How the store came out."""
        opened = self.opened(**main)  # type: ignore[arg-type]  # a test's own
        asyncio.run(verify(opened, shown=False))
        return [one for one in self.events(opened) if isinstance(one, ev.BackupVerified)][-1]

    def events(self, opened: OpenedBackups | None = None) -> list[ev.Event]:
        """What the ledger holds."""
        opened = opened or self.opened()
        with closing(opened.store()) as store:
            return [read_event(one) for one in store.read(opened.chain)]

    def left_behind(self, name: str, chain: str | None = None) -> None:
        """What a killed verification leaves: a plan in the ledger, a mark in the cluster, a restore that runs."""
        opened = self.opened()
        planned = ev.ScratchPlanned(
            verification="v", store="database", scratch=name, folder="", machine="another", cluster="scratch"
        )
        with closing(opened.store()) as store:
            have_chain(store, opened.chain)
            store.append(Entry(opened.chain, ev.write(planned)))
        database = name.replace("-", "_")
        self.restores.made[database] = chain or opened.chain
        self.restores.databases.add(database)
        self.restores.jobs[1] = Restoring(database, f"RESTORE … (new_db_name = '{database}')", 10**6, "succeeded")


def two_clusters(estates: Estates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clusters]:
    """Both well; the scratch is declared as one."""
    monkeypatch.setattr(cockroach_jobs, "_POLL", 0.01)
    live, scratch = CockroachFake(), CockroachFake()
    scratch.state.restores.declared = True
    scratch.gives(INVARIANT, 0)
    with live.running() as main, scratch.running() as other:
        yield Clusters(estates, live, scratch, {"main": main, "scratch": other})
