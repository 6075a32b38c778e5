"""Which tests several workers take first, and which of them only one worker takes."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

_LAUNCHES = "tests/launch/"
_LONGEST = (_LAUNCHES, "tests/worlds/", "tests/rehearsal/", "tests/bench/", "tests/tasks/deploy/")


class LaunchesInOneWorker(LoadFileScheduling):
    """A file is one worker's; whole launches are all one worker's, since they are played in turn on one estate."""

    def _split_scope(self, nodeid: str) -> str:
        return _LAUNCHES if nodeid.startswith(_LAUNCHES) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LaunchesInOneWorker:
    """Replaces what `--dist` names."""
    return LaunchesInOneWorker(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no worker is left alone with it at the end."""

    def turn(item: pytest.Item) -> int:
        return next((at for at, folder in enumerate(_LONGEST) if item.nodeid.startswith(folder)), len(_LONGEST))

    items.sort(key=turn)
