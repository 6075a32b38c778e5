"""Steady background traffic through the load balancer: ``python -m deployments.rehearsal.traffic --url … --record …``.

An open loop: requests leave at their times whether or not earlier ones were answered, as customers would send them.
Ends on SIGTERM, after deleting its account.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
from pathlib import Path

from deployments.rehearsal.traffic_customer import Customer
from deployments.rehearsal.traffic_record import TrafficRecord

DEFAULT_RATE = 60.0
STREAM_EVERY_S = 5.0
LOG_IN_EVERY_S = 1.0
MOST_UNANSWERED = 200
LAST_ANSWERS_WITHIN_S = 2.0


async def run(customer: Customer, *, rate: float, chance: random.Random, ended: asyncio.Event) -> None:
    """Send ``rate`` requests a second on average, spaced evenly with a jitter of ±50 %, until ``ended`` is set.

    At most ``MOST_UNANSWERED`` requests wait for an answer at once; beyond that, sending pauses.
    """
    loop = asyncio.get_running_loop()
    due = next_stream = next_login = loop.time()
    unanswered: set[asyncio.Task[None]] = set()
    while not ended.is_set():
        now = loop.time()
        if not customer.is_logged_in and now >= next_login:
            next_login = now + LOG_IN_EVERY_S
            unanswered.add(asyncio.create_task(customer.enter()))
        if now >= next_stream:
            next_stream = now + STREAM_EVERY_S
            unanswered.add(asyncio.create_task(customer.watch()))
        unanswered = {task for task in unanswered if not task.done()}
        if len(unanswered) < MOST_UNANSWERED:
            unanswered.add(asyncio.create_task(customer.act()))
        due = max(due + chance.uniform(0.5, 1.5) / rate, loop.time() - 1.0)
        await asyncio.sleep(due - loop.time())
    if unanswered:
        await asyncio.wait(unanswered, timeout=LAST_ANSWERS_WITHIN_S)
    await customer.leave()


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    record = TrafficRecord(arguments.record)
    customer = Customer(arguments.url, record, random.Random(f"customer {arguments.seed}"))
    try:
        await run(customer, rate=arguments.rate, chance=random.Random(f"pace {arguments.seed}"), ended=ended)
    finally:
        record.close()


def main() -> None:
    """Send traffic until SIGTERM."""
    parser = argparse.ArgumentParser(prog="traffic", description="Steady background traffic.")
    parser.add_argument("--url", required=True, help="the load balancer's address")
    parser.add_argument("--record", type=Path, required=True, help="JSON-lines file, one line an answer")
    parser.add_argument("--rate", type=float, default=DEFAULT_RATE, help="requests a second")
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
