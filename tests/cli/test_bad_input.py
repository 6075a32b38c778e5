"""Bad input gets one clear error and an exit code, and changes nothing: no ledger, no chain, no lock."""

from pathlib import Path

import pytest

from tests.cli.launch_desk import NAMES, SECRET, Desk, chains, change_environment, refused, tminus, use_prefect
from tests.sampling import few


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_there(desk: Desk, name: str) -> None:
    """It is named, and what to give instead."""
    said = refused(desk.launch(**{name: str(desk.folder / "nowhere.yaml")}))
    assert "nowhere.yaml" in said
    assert not desk.ledger.exists()


@pytest.mark.parametrize("name", NAMES)
def test_broken_yaml(desk: Desk, name: str) -> None:
    """File and line are named, where editors turn them into a link."""
    path = desk.path(name)
    count = len(path.read_text("utf-8").splitlines())
    path.write_text(path.read_text("utf-8") + "\nbroken: [1, 2\n", "utf-8")
    said = refused(desk.launch())
    assert said.startswith(f"{path}:")
    assert int(said.removeprefix(f"{path}:").partition(":")[0]) > count
    assert not desk.ledger.exists()


@pytest.mark.parametrize(
    ("name", "before", "after", "said"),
    [
        ("runbook", "check: http.health", "check: http.helth", "http.health"),
        ("runbook", "< 200 ms", "< 200 kg", "ms"),
        ("runbook", "security_lead: 1", "astrologer: 1", "astrologer"),
        ("runbook", "deadline: 45m", "deadline: soon", "soon"),
        ("environment", "kind: rehearsal", "kind: production", "compress"),
    ],
)
def test_a_mistake_in_a_file(desk: Desk, name: str, before: str, after: str, said: str) -> None:
    """An unknown check with the nearest right one, a wrong unit, an unreachable quorum, a compressed production."""
    desk.change(name, before, after)
    assert said in refused(desk.launch())
    assert not desk.ledger.exists()


@pytest.mark.parametrize("t0", few(["2020-01-01T00:00:00Z", "yesterday", "2036-01-01T00:00:00", "+", "+30m"], "+30m"))
def test_a_t0_that_cannot_be(desk: Desk, prefect_api: str, t0: str) -> None:
    """In the past, no time at all, without a zone, or so soon that the first phase would have been already."""
    if t0.startswith("+"):
        use_prefect(desk, prefect_api)
    said = refused(desk.launch(t0))
    assert "T-0" in said or "T-1h" in said
    assert chains(desk) == []


def test_a_secret_that_is_not_there(desk: Desk, prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's own DSN: named by its reference."""
    use_prefect(desk, prefect_api)
    change_environment(desk, ledger={"postgres": "env:LEDGER_DSN"})
    monkeypatch.delenv("LEDGER_DSN", raising=False)
    assert "env:LEDGER_DSN" in refused(desk.launch())


def test_a_secret_in_place_of_its_reference(desk: Desk) -> None:
    """It is refused, and not repeated."""
    desk.change("environment", "env:TRADING_DSN", SECRET)
    assert "never the value" in refused(desk.launch())


@pytest.mark.parametrize("program", few(["NGINX", "REDIS_SERVER", "PG_BIN"], "REDIS_SERVER"))
def test_a_server_program_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """A rehearsal says which, where it looked, and what installs it, before it starts anything."""
    monkeypatch.setenv(f"TMINUS_{program}", str(tmp_path / "no-such-program"))
    ended = tminus("rehearse", "--out", str(tmp_path / "out"))
    assert ended.code == 2, ended
    assert "no-such-program" in ended.stderr
    assert "pip install" in ended.stderr


@pytest.mark.parametrize("words", [["--fault", "gremlins"], ["--hour", "5x"], ["--book", "nowhere.yaml"]])
def test_a_rehearsal_of_nothing(tmp_path: Path, words: list[str]) -> None:
    """An unknown fault, a length that is none, a book that is not there: said before anything starts."""
    said = refused(tminus("rehearse", "--out", str(tmp_path / "out"), *words))
    assert words[1] in said
    assert not (tmp_path / "out").exists()
