"""The real Redis of the rehearsal."""

from pathlib import Path

import pytest
import redis

from deployments.rehearsal.processes import Processes
from deployments.rehearsal.redis_servers import Redis


def test_the_replica_follows_and_both_ask_for_the_password(tmp_path: Path) -> None:
    """A value written to the primary reaches the replica; nobody reads without the password, which `ps` never shows."""
    servers = Redis.plan(tmp_path)
    with Processes() as processes:
        children = servers.start(processes)
        with redis.Redis.from_url(servers.address.dsn().get_secret_value()) as primary:
            primary.set("price", "101.5")
            assert primary.wait(1, 5000) == 1
            assert primary.config_get("appendonly") == {"appendonly": "yes"}
        with redis.Redis.from_url(servers.address.dsn(replica=True).get_secret_value()) as replica:
            assert replica.get("price") == b"101.5"
            assert replica.role()[0] == b"slave"
        for bare in (servers.address.url(), servers.address.url(replica=True)):
            with redis.Redis.from_url(bare) as stranger, pytest.raises(redis.AuthenticationError):
                stranger.get("price")
        shown = "".join(Path(f"/proc/{child.pid}/cmdline").read_text(encoding="utf-8") for child in children)
    assert servers.address.password.get_secret_value() not in shown
    assert (tmp_path / "primary" / "redis.conf").stat().st_mode & 0o077 == 0


def test_one_server_is_enough_where_one_is_asked_for(tmp_path: Path) -> None:
    """Without a replica only the primary starts."""
    servers = Redis.plan(tmp_path, replica=False)
    with Processes() as processes:
        assert [child.name for child in servers.start(processes)] == ["redis primary"]
