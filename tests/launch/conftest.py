"""One estate for all end-to-end launches of a session."""

from collections.abc import Iterator

import pytest

from deployments.rehearsal.faults import NONE
from deployments.rehearsal.whole_estate import WholeEstate
from tests.launch.stage import Stage, shorter


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Real servers, a worker, the gateway and people, with the release signed off; a launch may begin."""
    folder = tmp_path_factory.mktemp("launch")
    with WholeEstate(folder, NONE, hour="8s") as estate:
        stage = Stage(estate, shorter(folder))
        stage.sign_off()
        yield stage
