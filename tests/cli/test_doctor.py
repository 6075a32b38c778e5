"""`tminus doctor`: one line a finding, an exit code, and nothing changed."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.cli.launch_desk import SECRET, Deployed, Desk, Ended, tminus, tminus_alone, use_prefect
from tests.sampling import few
from tests.tminus.doctor.conftest import public_key
from tminus.doctor.finding import ok

REFERENCES = ("TRADING_DSN", "TRADING_REDIS", "GRAFANA_TOKEN")


def doctor(desk: Desk, *more: str, book: bool = True, alone: bool = False) -> Ended:
    """The command, in a process of its own where it is to ask Prefect."""
    files = ("people", "environment", *(["runbook"] if book else []))
    options = [word for name in files for word in (f"--{name}", str(desk.path(name)))]
    return (tminus_alone if alone else tminus)("doctor", *options, *more)


@pytest.fixture
def well(desk: Desk, monkeypatch: pytest.MonkeyPatch, prefect_api: str) -> Desk:
    """Everybody has a key, every secret is there, and Prefect answers; there is no Slack, and no ledger yet."""
    yaml = YAML()
    people = yaml.load(desk.path("people"))
    for person in people["people"]:
        person["key"] = public_key()
    yaml.dump(people, desk.path("people"))
    use_prefect(desk, prefect_api)
    for name in REFERENCES:
        monkeypatch.setenv(name, SECRET)
    return desk


def folder(desk: Desk) -> dict[Path, bytes]:
    """Every file that is there, with what is in it."""
    return {path: path.read_bytes() for path in desk.folder.rglob("*") if path.is_file()}


def test_where_nothing_fails_it_exits_0_and_leaves_no_trace(well: Desk) -> None:
    """Warnings are no failures; the book's questions are shown with who could answer them; no secret is."""
    before = folder(well)
    done = doctor(well, alone=True)
    lines = done.stdout.splitlines()
    assert (done.code, done.stderr) == (0, ""), done
    assert "ok    secrets: 3 of 3 references lead somewhere" in lines
    assert "ok    step go: devops_lead by devops-1, devops-2; security_lead by devops-2, security-1" in lines
    assert any(line.startswith("ok    prefect: ") for line in lines)
    assert any(line.startswith("warn  slack: the environment has none") for line in lines)
    assert lines[-1].endswith(" 0 FAIL")
    assert SECRET not in done.stdout
    assert folder(well) == before


def test_what_fails_is_named_and_it_exits_1(desk: Desk) -> None:
    """Secrets that are nowhere, a Prefect that does not answer, and people who could answer nowhere; no traceback."""
    done = doctor(desk, alone=True)
    assert (done.code, done.stderr) == (1, ""), done
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert any("postgres.main.dsn: the secret env:TRADING_DSN is not there" in line for line in failed)
    assert any(line.startswith("FAIL  prefect: ") and "does not answer" in line for line in failed)
    assert any(line.startswith("FAIL  step go: could not be decided now") for line in failed)


@pytest.mark.parametrize("instead", few([b"<html>Prefect's own page</html>", b"{}", b"[" * 100_000], b"{}"))
@pytest.mark.long
def test_something_else_where_prefect_should_be(well: Desk, monkeypatch: pytest.MonkeyPatch, instead: bytes) -> None:
    """One FAIL that says what may be missing, and everything else is found all the same."""
    monkeypatch.setattr(Deployed, "instead", instead)
    done = doctor(well, alone=True)
    assert (done.code, done.stderr) == (1, ""), done
    (failed,) = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert failed.startswith("FAIL  prefect: ")
    assert "is no API of Prefect's" in failed
    assert "/api?" in failed
    assert "ok    secrets: 3 of 3 references lead somewhere" in done.stdout


def test_for_programs(well: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same findings as JSON; without a book nothing is said of one."""
    monkeypatch.setattr("cli.doctor._prefect", lambda api: ok("prefect", api))
    done = doctor(well, "--json", book=False)
    found = json.loads(done.stdout)
    assert done.code == 0
    assert {one["level"] for one in found} == {"ok", "warn"}
    assert all(set(one) == {"level", "about", "said", "then"} for one in found)
    assert not [one for one in found if one["about"].startswith(("step", "role"))]


def test_a_file_with_a_mistake(well: Desk) -> None:
    """As everywhere: by its line, with exit code 2."""
    well.change("people", "roles: [ceo]", "rolls: [ceo]")
    done = doctor(well)
    assert (done.code, "people.yaml:" in done.stderr, "rolls" in done.stderr) == (2, True, True)
