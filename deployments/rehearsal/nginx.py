"""A real nginx as load balancer: a port per service, and one included file per service with its instances."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Self

from deployments.rehearsal.addresses import HOST, NginxAddress
from deployments.rehearsal.binaries import nginx
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.processes import Child, Processes
from deployments.rehearsal.readiness import port_open

_TEMPLATE = Path(__file__).with_name("nginx.conf.template")
_SERVER = """
    server {{
        listen {host}:{port};
        server_name {service};
        access_log access.log requests;
        location / {{ proxy_pass http://{service}; }}
    }}
"""


@dataclass(frozen=True)
class Nginx:
    """nginx in front of some services, each with its first instances (ports on 127.0.0.1)."""

    address: NginxAddress
    instances: Mapping[str, Sequence[int]]

    @classmethod
    def plan(cls, folder: Path, instances: Mapping[str, Sequence[int]]) -> Self:
        """Choose a port per service; nothing is started yet. The instances need not run yet either."""
        command = (str(nginx()), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log")
        address = NginxAddress(
            ports={service: free_port() for service in instances}, folder=folder, reload=(*command, "-s", "reload")
        )
        return cls(address, instances)

    def start(self, processes: Processes) -> list[Child]:
        """Write the configuration and start. Raises BinaryMissing or ServerDidNotStart."""
        folder = self.address.folder
        (folder / "temp").mkdir(parents=True, exist_ok=True)
        (folder / "upstreams").mkdir(exist_ok=True)
        for service, ports in self.instances.items():
            self.address.upstream(service).write_text(upstream(service, ports), encoding="utf-8")
        self.address.configuration.write_text(self._configuration(), encoding="utf-8")
        return [
            processes.start(
                "nginx",
                self.address.reload[:-2],
                log=folder / "nginx.log",
                ready=port_open(next(iter(self.address.ports.values()))),
            )
        ]

    def _configuration(self) -> str:
        servers = [
            _SERVER.format(host=HOST, port=port, service=service) for service, port in self.address.ports.items()
        ]
        user = "user root;" if os.geteuid() == 0 else ""
        return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(user=user, servers="".join(servers))


def upstream(service: str, ports: Sequence[int]) -> str:
    """The text of a service's included file: its instances in turn, none of them ever counted as down.

    A bad instance must show, so nginx neither retries elsewhere (`proxy_next_upstream off`) nor sets it aside.
    """
    servers = "".join(f"    server {HOST}:{port} max_fails=0;\n" for port in ports)
    return f"upstream {service} {{\n{servers}    keepalive 16;\n}}\n"
