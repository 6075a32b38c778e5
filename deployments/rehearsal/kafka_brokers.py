"""librdkafka's mock cluster in a process of its own, whose brokers can be switched off and on by kafka_switch.

    python -m deployments.rehearsal.kafka_brokers --port 9099 --topic drills --told FILE

Where a broker is killed the next one that runs leads what it led, at once: a real cluster does so once its controller
noticed.
"""

import argparse
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.rehearsal.stand_in_server import serve
from deployments.rehearsal.vendors.kafka_mock import MockCluster, mock_cluster

BROKERS = (1, 2, 3)


class Switchboard:
    """Which brokers run, and who leads the partitions of one topic: partition p begins with broker p + 1."""

    def __init__(self, mock: MockCluster, topic: str) -> None:
        self._mock = mock
        self._topic = topic
        self._off: set[int] = set()
        mock.topic(topic, len(BROKERS), len(BROKERS))
        self._leaders = dict(enumerate(BROKERS))
        self._lead(self._leaders)

    def running(self, number: int) -> bool:
        """Whether it does."""
        return number not in self._off

    def kill(self, number: int) -> None:
        """Ends a broker; others lead what it led."""
        self._off.add(number)
        self._mock.down(number)
        others = [one for one in BROKERS if self.running(one)]
        moved = [partition for partition, leader in self._leaders.items() if leader == number]
        self._lead(dict.fromkeys(moved, others[0] if others else -1))

    def start(self, number: int) -> None:
        """Starts a broker; it leads nothing by itself, but where nobody does."""
        self._off.discard(number)
        self._mock.up(number)
        self._lead({partition: number for partition, leader in self._leaders.items() if leader == -1})

    def _lead(self, leaders: dict[int, int]) -> None:
        for partition, number in leaders.items():
            self._mock.leader(self._topic, partition, number)
            self._leaders[partition] = number

    def app(self) -> Starlette:
        """How it is told."""
        return Starlette(routes=[Route("/{deed}/{number:int}", self._told)])

    async def _told(self, request: Request) -> Response:
        deed, number = request.path_params["deed"], request.path_params["number"]
        if deed == "probe":
            return PlainTextResponse("on" if self.running(number) else "off")
        (self.kill if deed == "kill" else self.start)(number)
        return PlainTextResponse("done")


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="TCP port on 127.0.0.1, where kafka_switch asks")
    parser.add_argument("--topic", default="drills", help="with a partition for each broker")
    parser.add_argument("--told", type=Path, required=True, help="file that gets `host:port` of every broker")
    asked = parser.parse_args()
    with mock_cluster(len(BROKERS)) as mock:
        asked.told.write_text(",".join(mock.bootstrap), "utf-8")
        serve(Switchboard(mock, asked.topic).app(), asked.port)


if __name__ == "__main__":
    main()
