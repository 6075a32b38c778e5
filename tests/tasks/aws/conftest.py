"""AWS clients of the tests wait for nothing."""

import pytest
from tenacity import wait_none

import tasks.aws_client


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between two tries."""
    monkeypatch.setattr(tasks.aws_client, "_PAUSE", wait_none())
