"""Evidence has no secrets, whatever state the system is in."""

import re
from pathlib import Path
from typing import ClassVar

import pytest

from bench.worlds.playing import play
from bench.worlds.tokens import TokenWorld
from bench.worlds.web import Web
from bench.worlds.world import Case, World
from deployments.rehearsal.vendors.front import PASSWORD

_TOKEN = re.compile(r"eyJ[\w-]+\.")
_LONGEST = 4000  # characters of one outcome


class _WithSecrets(Web):
    """The cases of the front in which a token is sent, or a cookie set."""

    cases: ClassVar[tuple[Case, ...]] = tuple(
        case for case in Web.cases if case.check == "http.authenticated" or "Set-Cookie" in case.given.values()
    )


@pytest.mark.parametrize("world", [TokenWorld, _WithSecrets], ids=lambda world: world.system)
def test_no_outcome_holds_a_secret(world: type[World], tmp_path: Path) -> None:
    """Neither a token, nor a password, nor a cookie's value; and each is short enough to be read."""
    for one in play(world(tmp_path / world.system)):
        said = one.outcome.model_dump_json()
        assert not _TOKEN.search(said), one
        assert PASSWORD not in said
        assert "0123456789abcdef" not in said
        assert len(said) < _LONGEST
