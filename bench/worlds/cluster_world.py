"""A world over the fake of a cluster: what is changed, gone or added in it, and what an environment says of it."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.worlds.world import Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.kubernetes import KubernetesFake
from deployments.rehearsal.vendors.kubernetes_faults import add, change, remove
from deployments.rehearsal.vendors.kubernetes_manifests import NAMESPACE
from deployments.rehearsal.vendors.kubernetes_platform import platform

_TOKEN = "made-up-for-the-cluster-worlds"  # noqa: S105 - opens a fake that lives as long as its world


class ClusterWorld(World):
    """The platform's objects on a fake API server; each fault is mended when its block ends."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._cluster: KubernetesFake = platform(_TOKEN)
        self.furnish(self._cluster)
        self._url = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serves the stand-in."""
        with served(self._cluster.app()) as self._url:
            yield

    def sections(self) -> Sections:
        """Its address, and the namespace."""
        return {"kubernetes": {"url": self._url, "token": "env:WORLD_CLUSTER_TOKEN", "namespace": NAMESPACE}}

    def secrets(self) -> dict[str, str]:
        """The token."""
        return {"WORLD_CLUSTER_TOKEN": _TOKEN}

    @fault
    def changed(self, name: str) -> Iterator[None]:
        """Values are otherwise, as its name says."""
        with self._cluster.restored():
            change(self._cluster, name)
            yield

    @fault
    def gone(self, name: str) -> Iterator[None]:
        """An object is not there."""
        with self._cluster.restored():
            remove(self._cluster, name)
            yield

    @fault
    def added(self, name: str) -> Iterator[None]:
        """There is an object that should not be."""
        with self._cluster.restored():
            add(self._cluster, name)
            yield

    @abstractmethod
    def furnish(self, cluster: KubernetesFake) -> None:
        """Puts into the platform what this world needs besides."""
