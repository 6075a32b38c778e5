"""What can be wrong with the front door of a launched service: with nginx, and what it was told."""

from collections.abc import Iterator

from bench.worlds.file_changes import replaced
from bench.worlds.launch_servers import POOLS, LaunchServers
from bench.worlds.world import World, fault

_BLUE = POOLS["blue"]
_PAGE = 'location = /health { default_type text/html; return 200 "We will be back soon"; }\n        '
_UPGRADE = "proxy_set_header Upgrade $http_upgrade;"


class LaunchFront(World):
    """A world with a front door.

    Attributes:
        servers: what runs in it.
    """

    servers: LaunchServers

    @fault
    def front_down(self) -> Iterator[None]:
        """The process of nginx ended, and the instances are well."""
        self.servers.end_nginx()
        yield
        self.servers.start_nginx()

    @fault
    def front_shows_a_page(self) -> Iterator[None]:
        """The front door answers itself, with the page of a maintenance and status 200."""
        yield from self._configured("location / {", f"{_PAGE}location / {{")

    @fault
    def front_does_not_upgrade(self) -> Iterator[None]:
        """The front door passes WebSockets on as plain requests."""
        yield from self._configured(_UPGRADE, "")

    @fault
    def front_serves_the_old(self) -> Iterator[None]:
        """The file names the new pool, and nginx was never told: it still serves the old one."""
        self.servers.name_upstream(POOLS["green"])
        self.servers.reload()
        self.servers.name_upstream(_BLUE)
        yield
        self.servers.reload()

    @fault
    def front_leaves_out(self, name: str) -> Iterator[None]:
        """An instance gets no requests: nginx's configuration does not name it."""
        self.servers.name_upstream([one for one in _BLUE if one != name])
        self.servers.reload()
        yield
        self.servers.name_upstream(_BLUE)
        self.servers.reload()

    @fault
    def configuration_is_torn(self) -> Iterator[None]:
        """The configuration of nginx was half written; what it read before still serves."""
        before = self.servers.include.read_text("utf-8")
        self.servers.include.write_text(before[: len(before) // 2], "utf-8")
        yield
        self.servers.include.write_text(before, "utf-8")

    def _configured(self, old: str, new: str) -> Iterator[None]:
        """The main file of nginx is another; raises ValueError where it has no such text."""
        with replaced(self.servers.config, old, new):
            self.servers.reload()
            yield
        self.servers.reload()
