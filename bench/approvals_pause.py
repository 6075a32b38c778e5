"""A flow that waits as Prefect itself does: so many times `pause_flow_run`, each followed by a task.

    python -m bench.approvals_pause PAUSES POLL_INTERVAL FILE

Writes the flow run's id into the file, and the moment at which each task's body began (Unix seconds).
"""

import sys
import time
from pathlib import Path

from prefect import flow, task
from prefect.flow_runs import pause_flow_run
from prefect.runtime import flow_run


def _note(path: str, said: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{said}\n")


@task
def go_on(path: str) -> None:
    """The task after the decision."""
    _note(path, str(time.time()))


@flow
def waits(pauses: int, poll_interval: int, path: str) -> None:
    """Waits for a person, does something, and waits again."""
    _note(path, f"run {flow_run.id}")
    for number in range(pauses):
        pause_flow_run(poll_interval=poll_interval, key=str(number))
        go_on(path)


if __name__ == "__main__":
    waits(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
