"""Secrets, the ledger and its letters, as the doctor finds them; and that looking leaves no trace."""

import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.conftest import Estates, PostgresServer
from tests.tminus.doctor.conftest import told
from tests.tminus.staged_launch import Stage, slack_section
from tminus.credentials import resolve
from tminus.doctor import ledger_answers
from tminus.doctor.finding import Level
from tminus.doctor.ledger_answers import look_at_ledger
from tminus.doctor.references import look_at_references, references_of
from tminus.environment import Environment, Ledger
from tminus.ledger.postgres import PostgresStore


def environment(folder: Path, **sections: object) -> Environment:
    """An environment file."""
    plain = {
        "environment": "test",
        "kind": "rehearsal",
        "ledger": {"sqlite": str(folder / "ledger.sqlite")},
        "prefect": {"api": "http://127.0.0.1:1/api"},
        "state": str(folder),
    }
    return Environment.model_validate({**plain, **sections})


class TestReferences:
    """Every secret's reference."""

    def test_each_is_found_where_it_stands(self, tmp_path: Path) -> None:
        """One by itself, one that may be missing, several in a list, and those of a mapping's sections."""
        place = environment(
            tmp_path,
            ledger={"postgres": "env:A"},
            postgres={"main": {"dsn": "env:B"}},
            buckets={"x": {"bucket": "env:no-secret", "access_key": "env:C"}},
            pagerduty={"routing_key": "env:D", "webhook_secrets": ["env:E", "env:F"]},
            datadog={"url": "http://127.0.0.1:1", "token": "env:G"},
        )
        assert dict(references_of(place)) | {"pagerduty.webhook_secrets": "env:E, env:F"} == {
            "ledger.postgres": "env:A",
            "postgres.main.dsn": "env:B",
            "buckets.x.access_key": "env:C",
            "pagerduty.routing_key": "env:D",
            "pagerduty.webhook_secrets": "env:E, env:F",
            "datadog.token": "env:G",
        }
        assert len(list(references_of(place))) == 7
        assert set(place.secrets()) < {reference for _, reference in references_of(place)}

    def test_one_that_leads_nowhere_is_named_and_none_is_shown(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By its place and reference; those that lead somewhere are counted."""
        monkeypatch.setenv("TOKEN", "hunter2-and-nobody-may-read-it")
        monkeypatch.delenv("SIGNING", raising=False)
        section = {**slack_section(), "token": "env:TOKEN", "signing_secret": "env:SIGNING"}
        found = list(look_at_references(environment(tmp_path, slack=section)))
        assert "slack.signing_secret: the secret env:SIGNING is not there" in told(found, Level.FAIL)[0]
        assert told(found, Level.OK) == ["1 of 2 references lead somewhere; "]
        assert "hunter2" not in "".join(map(str, found))

    def test_one_whose_keeper_hangs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A FAIL in time."""
        over = threading.Event()

        def hangs(_name: str) -> str:
            over.wait(30)
            return "late"

        monkeypatch.setattr("tminus.credentials._from_secrets_manager", hangs)
        monkeypatch.setattr("tminus.doctor.references.within", lambda call: ledger_answers.within(call, 0.2))
        found = list(look_at_references(environment(tmp_path, redis={"main": {"url": "aws:prod/redis"}})))
        over.set()
        assert "aws:prod/redis could not be read: no answer within" in told(found, Level.FAIL)[0]


class TestLedger:
    """Whether it answers."""

    def test_a_file_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        """Said, and left so."""
        (one,) = look_at_ledger(Ledger(sqlite=tmp_path / "ledger.sqlite"))
        assert (one.level, list(tmp_path.iterdir())) == (Level.WARN, [])

    def test_a_file_that_is_something_else(self, tmp_path: Path) -> None:
        """A FAIL, and not one letter of it is changed."""
        path = tmp_path / "ledger.sqlite"
        path.write_bytes(b"a letter to grandmother" * 100)
        (one,) = look_at_ledger(Ledger(sqlite=path))
        assert (one.level, path.read_bytes()) == (Level.FAIL, b"a letter to grandmother" * 100)

    def test_letters_that_are_dead_or_wait_for_long(self, tmp_path: Path) -> None:
        """A dead one is a FAIL that says how it is sent after all; one that waits for long is a warning."""
        stage = Stage.set(tmp_path, slack=slack_section())
        settings = Ledger(sqlite=tmp_path / "ledger.sqlite")
        assert [one.level for one in look_at_ledger(settings)] == [Level.OK, Level.OK]
        stage.store.run("UPDATE outbox SET made = made - 3600", {})
        assert "gateway" in told(list(look_at_ledger(settings)), Level.WARN, "outbox")[0]
        stage.store.run("UPDATE outbox SET state = 'dead'", {})
        assert "tminus outbox resend --dead" in told(list(look_at_ledger(settings)), Level.FAIL, "outbox")[0]

    def test_on_postgresql_nothing_is_made_and_its_clock_is_held_against_ours(
        self, postgres_server: PostgresServer, estates: Estates, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without tables; then with them; then with a clock that runs ahead."""
        with postgres_server.connect() as connection:
            connection.execute("CREATE DATABASE doctor TEMPLATE template0 ENCODING 'UTF8'")
        dsn = postgres_server.at.address.dsn("postgres", database="doctor")
        settings = Ledger(postgres=estates.secret(dsn))
        assert [one.level for one in look_at_ledger(settings)] == [Level.OK, Level.WARN]
        assert [one.level for one in look_at_ledger(settings)] == [Level.OK, Level.WARN]
        PostgresStore(resolve(str(settings.postgres))).close()
        assert [one.level for one in look_at_ledger(settings)] == [Level.OK, Level.OK]
        monkeypatch.setattr(ledger_answers, "_CLOCK", f"({ledger_answers._CLOCK} + 3)")
        assert "3.0 s apart" in told(list(look_at_ledger(settings)), Level.FAIL, "ledger")[0]

    @pytest.mark.parametrize("dsn", ["host=127.0.0.1 port=1 password=canary-pw", "host=canary-pw x"])
    def test_a_server_that_does_not_answer(self, estates: Estates, dsn: str) -> None:
        """A FAIL without its password, also where the string is none."""
        (one,) = look_at_ledger(Ledger(postgres=estates.secret(SecretStr(dsn))))
        assert (one.level, "canary-pw" in str(one)) == (Level.FAIL, False)
