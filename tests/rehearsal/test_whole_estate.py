"""The estate before it is started: what its files say."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from bench.approvals_latency import beside
from deployments.rehearsal.faults import FAULTS
from deployments.rehearsal.whole_estate import WholeEstate
from tminus.environment import Environment
from tminus.ledger.opening import VARIABLE, named_ledger
from tminus.yaml_source import Source


def test_a_ledger_in_postgresql_is_named_and_its_dsn_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file and every process' TMINUS_LEDGER refer to it; the DSN is in the environment alone."""
    estate = WholeEstate(tmp_path, FAULTS["none"], ledger=SecretStr("host=somewhere password=secret"))
    settings = Source.read(estate.documents.environment).load(Environment)
    monkeypatch.setenv(VARIABLE, estate.environment()[VARIABLE])
    assert settings.ledger == named_ledger()
    assert settings.ledger.sqlite is None
    assert "host=somewhere password=secret" in estate.environment().values()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"somewhere" in path.read_bytes()]


def test_a_second_gateway_differs_in_its_port_alone(tmp_path: Path) -> None:
    """Without a DSN the ledger is a file, for both."""
    first = WholeEstate(tmp_path, FAULTS["none"]).documents.environment
    ours, other = (Source.read(path).load(Environment) for path in (first, beside(first, 4711)))
    assert ours.ledger.sqlite == tmp_path / "ledger.sqlite"
    assert other.gateway.port == 4711 != ours.gateway.port
    assert other.model_copy(update={"gateway": ours.gateway}) == ours
