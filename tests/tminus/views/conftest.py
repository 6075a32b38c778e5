"""The told launches, each told once a session."""

from collections.abc import Callable, Iterator

import pytest

from tests.tminus.launch_story import Story
from tests.tminus.told_launches import STORIES


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Story]]:
    """A story by its name; leave it as you found it."""
    found: dict[str, Story] = {}

    def tell(name: str) -> Story:
        if name not in found:
            found[name] = STORIES[name](tmp_path_factory.mktemp(name))
        return found[name]

    yield tell
    for story in found.values():
        story.store.close()
