"""Starts the fake of Grafana (grafana_fake.py); real Grafana comes in no wheel."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deployments.rehearsal.addresses import HOST, GrafanaAddress, made_up, plain
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.readiness import http_answers

DASHBOARDS = Path(__file__).with_name("dashboards")


@dataclass(frozen=True)
class Grafana:
    """The fake of Grafana and its data source, scraping what `address.targets` names; its log in `folder`."""

    address: GrafanaAddress
    folder: Path

    @classmethod
    def plan(cls, folder: Path, *, targets: Path | None = None, dashboards: Path = DASHBOARDS) -> Self:
        """Choose a port and a token; nothing is started yet.

        `targets` is a file in Prometheus' file_sd JSON format, read again before each scrape; it need not exist yet.
        """
        targets = targets or folder / "targets.json"
        return cls(GrafanaAddress(port=free_port(), token=made_up(), targets=targets, dashboards=dashboards), folder)

    def start(self, processes: Processes) -> list[Child]:
        """Start it; ready when /api/health answers. Raises ServerDidNotStart."""
        address = self.address
        return [
            processes.start(
                "grafana (fake)",
                [
                    *(sys.executable, "-m", "deployments.rehearsal.grafana_fake", HOST, str(address.port)),
                    *(str(address.dashboards), str(address.targets)),
                ],
                env=plain(address.environment()),
                cwd=CHECKOUT,
                log=self.folder / "grafana.log",
                ready=http_answers(address.port, "/api/health"),
            )
        ]
