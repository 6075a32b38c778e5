"""The vendors' own descriptions, where they are at hand, and what a check asks of a server that holds one."""

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import JsonValue

from bench.worlds.estates import check_of, known_secrets, look
from bench.worlds.world import Case, Sections

CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"
MISSING = "the vendors' API descriptions are not here (../shared/contracts)"


@pytest.fixture(scope="session")
def contracts() -> ModuleType:
    """The contract server's module, loaded from where it lives; skips the test where it is missing."""
    if not CONTRACTS.is_dir():
        pytest.skip(MISSING)
    where = CONTRACTS / "tools" / "contract_server.py"
    spec = importlib.util.spec_from_file_location("contract_server", where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["contract_server"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def contract(contracts: ModuleType) -> Iterator[Callable[..., Any]]:
    """`contract("grafana.json", profile=None)` → a running server with `.url`, `.records` and `.violations()`."""
    running: list[Any] = []

    def start(spec: str, profile: str | None = None, **more: object) -> Any:
        server = contracts.ContractServer(str(CONTRACTS / spec), profile=profile, **more).__enter__()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., None]:
    """`asked(case, sections, secrets)` lets a check ask; what it makes of the vendor's example does not matter."""

    def ask(case: Case, sections: Sections, secrets: Mapping[str, str] | None = None) -> None:
        with known_secrets(secrets or {}):
            asyncio.run(look(check_of(case), sections, tmp_path))

    return ask


def held(server: Any) -> list[JsonValue]:
    """What was asked against the description; fails where nothing was asked at all."""
    assert server.records, "nothing was asked"
    found: list[JsonValue] = server.violations()
    return found
