"""Which instances there are, read from nginx's configuration."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.instances import discover, read_upstream
from tminus.environment import Nginx
from tminus.errors import CouldNotObserve


def written(folder: Path, text: str, **included: str) -> Path:
    """A configuration and the files that it includes (`name` → name.conf)."""
    for name, content in included.items():
        (folder / f"{name}.conf").write_text(content, "utf-8")
    config = folder / "nginx.conf"
    config.write_text(text, "utf-8")
    return config


def settings_of(config: Path, blue: Sequence[str], green: Sequence[str]) -> Nginx:
    """A service's nginx section."""
    section = {"config": config, "upstream": "trading", "include": config, "reload": {"argv": ["true"]}}
    return Nginx.model_validate({**section, "pools": {"blue": blue, "green": green}})


def test_servers_are_found_through_includes(tmp_path: Path) -> None:
    """The block may stand in an included file, and its servers in another; the order is nginx's."""
    config = written(
        tmp_path,
        "events {}\nhttp {\n  include up*.conf;\n  server { location / { proxy_pass http://trading; } }\n}\n",
        upstreams="upstream other { server 127.0.0.1:1; }\nupstream trading { zone z 64k; include servers.conf; }\n",
        servers="server 127.0.0.1:8102 weight=5 max_fails=0;\nserver 127.0.0.1:8101;\n",
    )
    assert read_upstream(config, "trading") == ("127.0.0.1:8102", "127.0.0.1:8101")


def test_a_server_without_a_port_has_nginx_default_and_a_backup_counts(tmp_path: Path) -> None:
    """No port means 80; a backup may get requests, one marked down gets none; IPv6 keeps its brackets."""
    servers = "server a.example; server [::1]; server [::1]:81 backup; server 127.0.0.1:9 down;"
    config = written(tmp_path, f"http {{ upstream trading {{ {servers} }} }}")
    assert read_upstream(config, "trading") == ("a.example:80", "[::1]:80", "[::1]:81")


def test_a_directive_newer_than_the_parser_hides_nothing(tmp_path: Path) -> None:
    """An argument that crossplane's table does not know is nginx's business."""
    config = written(tmp_path, "http { upstream trading { server 127.0.0.1:1; keepalive 8 local; } }")
    assert read_upstream(config, "trading") == ("127.0.0.1:1",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http {\n upstream trading {\n server 127.0.0.1:1;\n", r"nginx\.conf:3: unexpected end of file"),
        ("http {\n upstream trading { server 127.0.0.1:1 }\n}\n", r"nginx\.conf:2: directive \"server\" is not termin"),
        ("http {\n include nowhere.conf;\n}\n", r"nginx\.conf:2: .*No such file"),
        (
            "http {\n upstream tradeing { server 127.0.0.1:1; }\n}\n",
            r"no upstream is called 'trading' \(it has: tradeing",
        ),
        ("stream { upstream trading { server 127.0.0.1:1; } }", r"no upstream is called 'trading' \(it has: none\)"),
        (
            "http {\n\n upstream trading { server 127.0.0.1:1 down; }\n}",
            r"nginx\.conf:3: the upstream 'trading' names no",
        ),
        (
            "http {\n upstream trading {\n server unix:/run/a.sock;\n }\n}",
            r"nginx\.conf:3: unix:/run/a\.sock is a Unix",
        ),
    ],
)
def test_a_configuration_that_does_not_say_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Nobody guesses where the instances are: file, line and what is wrong."""
    with pytest.raises(CouldNotObserve, match=said):
        read_upstream(written(tmp_path, text), "trading")


def test_the_line_is_that_of_the_included_file(tmp_path: Path) -> None:
    """A mistake in an included file is shown there."""
    config = written(tmp_path, "http {\n include up.conf;\n}\n", up="\nupstream trading {\n server }\n")
    with pytest.raises(CouldNotObserve, match=r"up\.conf:3: "):
        read_upstream(config, "trading")


def test_no_configuration_at_all(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(CouldNotObserve, match=r"nowhere\.conf:1: .*No such file"):
        read_upstream(tmp_path / "nowhere.conf", "trading")


async def test_the_idle_pool_is_what_gets_no_requests(tmp_path: Path) -> None:
    """Serving is what nginx says, whatever the pools are called; idle is the rest of them."""
    config = written(tmp_path, "http { upstream trading { server 127.0.0.1:8201; server 127.0.0.1:8202; } }")
    found = await discover(settings_of(config, ["127.0.0.1:8101"], ["127.0.0.1:8201", "127.0.0.1:8202"]))
    assert found.serving == ("127.0.0.1:8201", "127.0.0.1:8202")
    assert found.idle == ("127.0.0.1:8101",)
    assert found.of("idle") == found.idle


async def test_a_name_stands_for_its_addresses(tmp_path: Path) -> None:
    """A host name is resolved, as nginx does, so that an instance behind it cannot hide."""
    config = written(tmp_path, "http { upstream trading { server localhost:8101; } }")
    found = await discover(settings_of(config, ["127.0.0.1:8101"], ["127.0.0.1:8201"]))
    assert "127.0.0.1:8101" in found.serving
    assert found.idle == ("127.0.0.1:8201",)


async def test_a_name_that_does_not_resolve_is_unknown(tmp_path: Path) -> None:
    """An instance whose address nobody knows is not left out."""
    config = written(tmp_path, "http { upstream trading { server a..b:8101; } }")
    with pytest.raises(CouldNotObserve, match=r"a\.\.b:8101: the name does not resolve"):
        await discover(settings_of(config, ["127.0.0.1:1"], ["127.0.0.1:2"]))


async def test_an_empty_idle_pool_is_unknown(tmp_path: Path) -> None:
    """Where every pool serves, nothing is idle, and a check of the idle pool has looked at nothing."""
    config = written(tmp_path, "http { upstream trading { server 127.0.0.1:1; server 127.0.0.1:2; } }")
    found = await discover(settings_of(config, ["127.0.0.1:1"], ["127.0.0.1:2"]))
    with pytest.raises(CouldNotObserve, match="no instance is idle"):
        found.of("idle")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 65535), st.sampled_from(["", " down", " backup", " weight=2"])), max_size=8))
def test_exactly_the_servers_that_get_requests(servers: list[tuple[int, str]]) -> None:
    """Whatever stands in the block: every server not marked down, once, in order, and nothing else."""
    lines = "\n".join(f"server 127.0.0.1:{port}{option};" for port, option in servers)
    expected = tuple(dict.fromkeys(f"127.0.0.1:{port}" for port, option in servers if option != " down"))
    with TemporaryDirectory() as folder:
        config = written(Path(folder), f"http {{ upstream trading {{ {lines} }} }}")
        if expected:
            assert read_upstream(config, "trading") == expected
        else:
            with pytest.raises(CouldNotObserve):
                read_upstream(config, "trading")
