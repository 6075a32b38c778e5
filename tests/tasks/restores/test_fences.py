"""A conductor that was stopped and comes back touches nothing that a later one made."""

from datetime import timedelta
from pathlib import Path

import pytest

from tasks.restores.asked import Stands
from tasks.restores.live_redis import LiveRedis, Mark, mark_of
from tasks.restores.postgres_copy import _may_remove, mark
from tasks.restores.redis_copy import _begin, _write
from tasks.restores.redis_databases import _stands, _switch
from tests.tasks.backups.redis_room import PROGRAMS, live_redis
from tminus.clock import now
from tminus.errors import ActionFailed, CouldNotObserve

KEY = "tminus:restored:1"


@pytest.mark.parametrize(
    ("there", "mine", "may"),
    [
        (mark("restore.a", 4), mark("restore.a", 4), True),
        (mark("restore.a", 3), mark("restore.a", 4), True),
        (mark("restore.a", 5), mark("restore.a", 4), False),
        (mark("restore.b", 3), mark("restore.a", 4), False),
        ("The trading database", mark("restore.a", 4), False),
        ("made by tminus: restore.a #", mark("restore.a", 4), False),
    ],
)
def test_whose_database_it_is(there: str, mine: str, may: bool) -> None:
    """Of the same restore, and of no later conductor."""
    assert _may_remove(there, mine) is may


def test_a_redis_database_of_a_later_conductor(tmp_path: Path) -> None:
    """It is neither emptied nor written to; nor is one that was swapped away meanwhile."""
    with live_redis(PROGRAMS[0], tmp_path / "live") as live:
        server = LiveRedis("cache", live.url)
        early, late = (Mark(restore="restore.a", database=0, token=token) for token in (4, 5))
        with server.database(15) as client:
            _begin(client, KEY, early, "15")
            _begin(client, KEY, late, "15")
            with pytest.raises(CouldNotObserve, match="a later conductor's"):
                _begin(client, KEY, early, "15")
            with pytest.raises(CouldNotObserve, match="not this restore's any more"):
                _write(client, KEY, early, [("SET", "account", "1")])
            _write(client, KEY, late, [("SET", "account", "2")])
            client.swapdb(15, 0)
            with pytest.raises(CouldNotObserve, match="not this restore's any more"):
                _write(client, KEY, late, [("SET", "account", "3")])
            assert client.dbsize() == 0
        with server.database(0) as client:
            assert mark_of(client, KEY) == late
            assert client.get("account") == b"2"


def test_a_redis_is_not_swapped_after_its_deadline(tmp_path: Path) -> None:
    """By a conductor that was stopped before it, say."""
    way = {"mark": KEY, "pairs": "0:15"}
    with live_redis(PROGRAMS[0], tmp_path / "live") as live:
        server = LiveRedis("cache", live.url)
        with server.database(15) as client:
            _begin(client, KEY, Mark(restore="restore.a", database=0, token=4), "15")
        with pytest.raises(ActionFailed, match="nothing was changed"):
            _switch(server, way, "restore.a", Stands.NEW, now())
        assert _stands(server, way, "restore.a") is Stands.OLD
        _switch(server, way, "restore.a", Stands.NEW, now() + timedelta(minutes=1))
        assert _stands(server, way, "restore.a") is Stands.NEW
