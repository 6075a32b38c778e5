"""The environment's section `backups`."""

import pytest
from pydantic import ValidationError

from tminus.environment import Environment
from tminus.systems.backups import Backups

KEY = "age1hjhgr54ajq42y5a8rkyhsczzcpd8wg7usu76faqs32dmvyfgga7qmhdafv"


@pytest.mark.parametrize(
    ("said", "size"), [("20 GB", 20 * 10**9), ("512 MiB", 512 * 2**20), ("1.5 kB", 1500), ("7 B", 7)]
)
def test_a_size_has_a_unit(said: str, size: int) -> None:
    """To the byte, and read back as it is written."""
    section = Backups.model_validate({"scratch": "/s", "disk": said})
    assert section.disk == size
    assert Backups.model_validate_json(section.model_dump_json()) == section


@pytest.mark.parametrize("said", ["20", "20 s", "0 B", "-1 GB", "much", "20 GB/s", True])
def test_what_is_no_size_is_refused(said: object) -> None:
    """With an example of one."""
    with pytest.raises(ValidationError):
        Backups.model_validate({"scratch": "/s", "disk": said})


@pytest.mark.parametrize("said", ["AGE-SECRET-KEY-1QQ", "age1short", f"{KEY} ", KEY.upper()])
def test_only_public_keys_are_recipients(said: str) -> None:
    """A private key in its place is refused, and so is what is none."""
    with pytest.raises(ValidationError):
        Backups.model_validate({"scratch": "/s", "recipients": [said]})


def test_the_identity_is_a_reference_and_no_launch_needs_it() -> None:
    """Never a value; a launch takes backups, for which the public key is enough, so it must not ask for the other."""
    with pytest.raises(ValidationError):
        Backups.model_validate({"scratch": "/s", "identity": "AGE-SECRET-KEY-1QQ"})
    environment = Environment.model_validate(
        {
            "environment": "here",
            "kind": "rehearsal",
            "ledger": {"sqlite": "l"},
            "prefect": {"api": "http://127.0.0.1:1/api"},
            "state": "s",
            "backups": {"scratch": "/s", "identity": "env:KEY", "recipients": [KEY]},
        }
    )
    assert environment.backups is not None
    assert environment.backups.identity == "env:KEY"
    assert list(environment.secrets()) == []
