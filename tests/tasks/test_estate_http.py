"""Whom an estate trusts: read once, and read again when it was written anew."""

import os
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate

from deployments.rehearsal.vendors.front_tls import Authority
from tasks.estate_http import _context, _section
from tminus.environment import Environment, PagerDuty
from tminus.errors import CouldNotObserve
from tminus.systems.pagerduty import PagerDutyRest
from tminus.yaml_source import Source

DATA = Path(__file__).parents[1] / "data"


def trusted(path: Path) -> set[str]:
    """The names of the authorities that a file makes trusted."""
    certificates = _context(path).get_ca_certs(binary_form=True)
    return {load_der_x509_certificate(one).subject.rfc4514_string() for one in certificates}


def write(path: Path, name: str, written: int) -> None:
    """An authority's own certificate, written at that second."""
    path.write_bytes(Authority(name).own())
    os.utime(path, (written, written))


def test_an_authority_is_read_once(tmp_path: Path) -> None:
    """Every estate after the first shares what was read, the public authorities too."""
    path = tmp_path / "ca.pem"
    write(path, "Vatic", 1000)
    assert _context(path) is _context(path)
    assert _context(None) is _context(None)
    assert _context(path) is not _context(None)


def test_one_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    """Who was trusted before is trusted no longer."""
    path = tmp_path / "ca.pem"
    write(path, "Vatic", 1000)
    assert trusted(path) == {"CN=Vatic"}
    write(path, "Vatic of the next year", 2000)
    assert trusted(path) == {"CN=Vatic of the next year"}


@pytest.mark.parametrize("left", ["no certificate", None])
def test_one_that_is_spoilt_later_is_not_trusted_from_memory(tmp_path: Path, left: str | None) -> None:
    """Nor one whose file is gone."""
    path = tmp_path / "ca.pem"
    write(path, "Vatic", 1000)
    _context(path)
    path.unlink()
    if left is not None:
        path.write_text(left, "utf-8")
    with pytest.raises(CouldNotObserve, match=r"ca\.pem cannot be read as certificates"):
        _context(path)


def test_pagerduty_is_read_by_the_key_that_may_write_where_no_other_is_named() -> None:
    """At the address that this key is for, and nowhere else; a key for reading comes first."""
    place = Source.read(DATA / "environment.yaml").load(Environment)
    rest = PagerDutyRest(token="env:REST", from_email="t@example.com", service="P1", api="http://127.0.0.1:9")
    only = PagerDuty(routing_key="env:ROUTING", rest=rest)
    both = only.model_copy(update={"token": "env:READS", "api": "http://127.0.0.1:8"})
    used = [_section(place.model_copy(update={"pagerduty": one}), "pagerduty") for one in (only, both)]
    assert [(api.url, api.token) for api in used if api] == [
        ("http://127.0.0.1:9", "env:REST"),
        ("http://127.0.0.1:8", "env:READS"),
    ]
