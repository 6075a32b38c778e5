"""One estate for all end-to-end launches; it ends with them, since its customers would slow every later test."""

import secrets
from collections.abc import Iterator

import pytest

from deployments.rehearsal import guard
from deployments.rehearsal.faults import NONE
from deployments.rehearsal.whole_estate import WholeEstate
from tests.launch.stage import CANARY, Stage, shorter, talkative


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Real servers, a worker, the gateway and people, with the release signed off."""
    folder, canary = tmp_path_factory.mktemp("launch"), secrets.token_hex(16)
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv(CANARY, canary)
        estate = WholeEstate(folder, NONE, hour="8s")
        talkative(estate.documents.environment)
        stage = Stage(estate, shorter(folder), canary)
        with estate:
            stage.rotate()
            stage.sign_off()
            yield stage
        mark = estate.processes.mark()[guard.MARK].rpartition(":")[2]
        assert guard.marked(mark) == []


@pytest.fixture(scope="module")
def fresh_stage(stage: Stage) -> Iterator[Stage]:
    """The estate with the old version in front; whatever was launched is taken away afterwards."""
    yield stage
    stage.reset()
