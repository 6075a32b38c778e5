"""Pools of instances, driven towards what was last asked for."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from deployments.rehearsal.fault_file import FaultFile
from deployments.rehearsal.pool_protocol import PoolView, Rollout, RolloutRecord
from deployments.rehearsal.pool_slot import Slot

STEP_S = 0.05
READY_TIMEOUT_S = 1.0
_UNFINISHED = frozenset({"starting", "stopping", "backing_off"})


class PlatformRefusal(Exception):
    """A request that the platform refuses, with the HTTP status that says why; nothing was changed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Pool:
    """A named row of slots. An outdated instance is replaced once no other is on its way up or down."""

    def __init__(self, name: str, slots: tuple[Slot, ...]) -> None:
        self.name = name
        self.slots = slots
        self.rollout: Rollout | None = None
        self.last_token: int | None = None

    def follow(
        self, rollout: Rollout | None, *, last_slot_runs: Rollout | None = None, start_delay_s: float = 0.0
    ) -> None:
        """Set what the pool runs from now on; ``last_slot_runs`` slips another build into its last slot."""
        self.rollout = rollout
        wanted = rollout.instances if rollout else 0
        for number, slot in enumerate(self.slots, start=1):
            slot.want(rollout.image if rollout and number <= wanted else None, start_delay_s=start_delay_s)
        if rollout and last_slot_runs:
            last = self.slots[wanted - 1]
            last.want(last_slot_runs.image, reported=rollout.image, start_delay_s=start_delay_s)

    async def step(self, client: httpx.AsyncClient, *, hold_last_down: bool) -> None:
        """Let every slot make its next move."""
        last = (self.rollout.instances if self.rollout else 0) - 1
        for index, slot in enumerate(self.slots):
            slot.held_down = hold_last_down and index == last
        busy = any(slot.state in _UNFINISHED and not slot.is_outdated for slot in self.slots)
        busy = busy or any(slot.state == "stopping" for slot in self.slots)
        outdated = next((slot for slot in self.slots if slot.is_outdated), None)
        await asyncio.gather(*(slot.step(client, may_replace=slot is outdated and not busy) for slot in self.slots))

    def view(self, *, applied: bool | None = None) -> PoolView:
        """The pool as the platform sees it."""
        views = (slot.view() for slot in self.slots)
        return PoolView(
            pool=self.name,
            rollout=self.rollout,
            last_token=self.last_token,
            addresses=tuple(slot.address for slot in self.slots),
            instances=tuple(view for view in views if view is not None),
            applied=applied,
        )


class InstancePlatform:
    """All pools, the faults they meet, and the record of what was rolled out.

    ``deployments.jsonl`` in ``state`` gets a line for each roll-out that changed a pool, ``retirements.jsonl`` for each
    pool emptied; a request that finds everything as it asks adds none. Fencing tokens outlive a restart of the platform
    through these two files; instances and roll-outs do not.
    """

    def __init__(self, state: Path, ports: Mapping[str, Sequence[int]], faults: FaultFile) -> None:
        self._deployments = state / "deployments.jsonl"
        self._retirements = state / "retirements.jsonl"
        self._faults = faults
        logs = state / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.pools = {name: Pool(name, _slots(name, numbers, logs)) for name, numbers in ports.items()}
        for record in _records(self._deployments) + _records(self._retirements):
            if record.pool in self.pools:
                self._admit(self.pools[record.pool], record.token)

    def pool(self, name: str) -> Pool:
        """Return the pool called ``name``; refuses (404) one that does not exist."""
        if name not in self.pools:
            raise PlatformRefusal(404, f"there is no pool {name!r}; the pools are {', '.join(self.pools)}")
        return self.pools[name]

    def roll_out(self, name: str, rollout: Rollout) -> PoolView:
        """Have the pool run ``rollout``; returns at once, ``applied`` says whether anything changed.

        Refuses a token lower than the last one (409) and more instances than the pool has places for (422).
        """
        pool = self.pool(name)
        if rollout.instances > len(pool.slots):
            places = len(pool.slots)
            raise PlatformRefusal(422, f"pool {name} has {places} places; {rollout.instances} instances were asked for")
        self._fence(pool, rollout.token)
        if pool.rollout is not None and _same(pool.rollout, rollout):
            self._admit(pool, rollout.token)
            return pool.view(applied=False)
        _append(self._deployments, RolloutRecord(time=time.time(), pool=name, **rollout.model_dump()))
        self._admit(pool, rollout.token)
        delay_s = self._faults.for_platform().start_delay
        pool.follow(rollout, last_slot_runs=self._old_build(name), start_delay_s=delay_s)
        return pool.view(applied=True)

    def retire(self, name: str, token: int | None) -> PoolView:
        """Empty the pool; returns at once. Refuses a token lower than the last one (409)."""
        pool = self.pool(name)
        self._fence(pool, token)
        if pool.rollout is not None:
            gone = pool.rollout.model_copy(update={"token": token})
            _append(self._retirements, RolloutRecord(time=time.time(), pool=name, **gone.model_dump()))
        self._admit(pool, token)
        applied = pool.rollout is not None
        pool.follow(None)
        return pool.view(applied=applied)

    async def run(self) -> None:
        """Drive all pools until cancelled."""
        async with httpx.AsyncClient(timeout=READY_TIMEOUT_S, trust_env=False) as client:
            while True:
                down = self._faults.for_platform().service_down
                await asyncio.gather(
                    *(pool.step(client, hold_last_down=down == name) for name, pool in self.pools.items())
                )
                await asyncio.sleep(STEP_S)

    async def stop(self) -> None:
        """End every instance, orderly first and by force after a few seconds."""
        async with httpx.AsyncClient(timeout=READY_TIMEOUT_S, trust_env=False) as client:
            for pool in self.pools.values():
                pool.follow(None)
            while not all(slot.is_empty for pool in self.pools.values() for slot in pool.slots):
                await asyncio.gather(*(pool.step(client, hold_last_down=False) for pool in self.pools.values()))
                await asyncio.sleep(STEP_S)

    def _old_build(self, name: str) -> Rollout | None:
        if not self._faults.for_platform().one_old_instance:
            return None
        return next((pool.rollout for other, pool in self.pools.items() if other != name and pool.rollout), None)

    @staticmethod
    def _fence(pool: Pool, token: int | None) -> None:
        if token is not None and pool.last_token is not None and token < pool.last_token:
            seen = pool.last_token
            raise PlatformRefusal(409, f"token {token} is fenced off: pool {pool.name} has already seen token {seen}")

    @staticmethod
    def _admit(pool: Pool, token: int | None) -> None:
        if token is not None:
            pool.last_token = max(token, pool.last_token or 0)


def _slots(name: str, ports: Sequence[int], logs: Path) -> tuple[Slot, ...]:
    return tuple(Slot(f"{name}-{number}", port, logs) for number, port in enumerate(ports, start=1))


def _same(one: Rollout, other: Rollout) -> bool:
    return one.image == other.image and one.instances == other.instances


def _append(path: Path, record: RolloutRecord) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(record.model_dump_json() + "\n")
        file.flush()
        os.fsync(file.fileno())


def _records(path: Path) -> list[RolloutRecord]:
    if not path.exists():
        return []
    return [RolloutRecord.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
