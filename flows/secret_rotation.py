"""The flow `secret_rotation`: every secret that is due visited once, one task a secret."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from flows.rotation_round import go_on_if_due, opened_secrets
from flows.rotation_visit import Visited
from tminus.chain_names import secret_chain
from tminus.errors import TminusError
from tminus.rotations.opened import OpenedSecrets

_BAD = {"broke off", "refused"}
_NAMES = {"rotated": "Rotated", "undone": "Turned back", "waits": "Waits", "not approved": "Not approved"}


@flow(name="secret_rotation", flow_run_name="{runbooks} in {environment}")
async def secret_rotation(
    runbooks: str, environment: str, secrets: tuple[str, ...] = (), people: str = ""
) -> State[None]:
    """Begins the rotations that are due, and goes on with those that are under way.

    Args:
        runbooks: the book of secrets, or the system's folder that holds it (`runbooks/tradesense`).
        environment: its environment file.
        secrets: only these, by their names in the book; all of them where it is empty.
        people: the people file, for secrets that somebody must approve.
    """
    try:
        opened = await asyncio.to_thread(opened_secrets, Path(runbooks), Path(environment))
        visits = await visit_all(opened, secrets, Path(people) if people else None)
    except TminusError as e:
        return Failed(message=str(e))
    bad = [one.said for one in visits if one.how in _BAD]
    said = "; ".join(bad) or "; ".join(one.said for one in visits) or f"no secret of {opened.system} is due"
    return Failed(message=said, name="Not rotated") if bad else Completed(message=said)


async def visit_all(
    opened: OpenedSecrets, names: Sequence[str] = (), people: Path | None = None, *, shown: bool = True
) -> list[Visited]:
    """One visit to each, a task of its own in Prefect where `shown`; one that breaks off keeps no other from its turn.

    A mistake of tminus in one is raised once all had theirs. Raises UsageError for an unknown name, LedgerError.
    """
    visits, mistakes = list[Visited](), list[BaseException]()
    for name, _ in opened.named(names):
        visit = _shown(opened, name, people) if shown else _visit(opened, name, people)
        [came] = await asyncio.gather(visit, return_exceptions=True)
        if isinstance(came, BaseException):
            mistakes.append(came)
        elif came is not None:
            visits.append(came)
    if mistakes:
        raise mistakes[0]
    return visits if names else [*visits, *await asyncio.to_thread(_left_out, opened)]


def _left_out(opened: OpenedSecrets) -> list[Visited]:
    """The secrets with a rotation under way that the book does not have any more, so that nobody goes on with them."""
    with closing(opened.store()) as store:
        begun = secret_chain(opened.system, opened.environment.environment, "")
        names = [chain.removeprefix(begun) for chain in store.chains() if chain.startswith(begun)]
        open_ones = [one for one in names if one not in opened.book.rotations and opened.course(store, one).open]
    said = "has a rotation under way, and the book has no such secret any more; put it back until that is over"
    return [Visited(name, "broke off", f"{name} {said}") for name in open_ones]


async def _visit(opened: OpenedSecrets, name: str, people: Path | None) -> Visited | None:
    with closing(await asyncio.to_thread(opened.store)) as store:
        return await go_on_if_due(store, opened, name, _nobody, people)


async def _shown(opened: OpenedSecrets, name: str, people: Path | None) -> Visited | None:
    """The same as a task, red where it did not go on; its only parameters are in its name."""
    came: list[Visited | None] = []

    @task(name="rotate", task_run_name=name, cache_policy=NO_CACHE)
    async def rotate() -> State[None]:
        visited = await _visit(opened, name, people)
        came.append(visited)
        if visited is None:
            return Completed(message=f"{name} is not due", name="Not due")
        get_run_logger().info(visited.said)
        if visited.how in _BAD:
            return Failed(message=visited.said, name="Not rotated")
        return Completed(message=visited.said, name=_NAMES[visited.how])

    state = await rotate(return_state=True)  # type: ignore[misc]  # a coroutine function, which Prefect does not type
    if not came:
        raise TminusError(f"{name} was not visited: {state.message or state.name}")
    return came[0]


def _nobody(_said: str) -> None:
    """What a visit says on its way stands in the ledger."""
