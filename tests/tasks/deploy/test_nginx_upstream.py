"""The include file: read, rewritten in one step, and refused where it cannot be understood."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import nginx_upstream
from tminus.environment import Nginx
from tminus.errors import ActionFailed, CouldNotObserve

BLUE, GREEN = ("10.0.0.1:80", "10.0.0.2:80"), ("10.0.1.1:8080", "app-3.internal:8080", "10.0.1.3:8080")


def nginx(include: Path) -> Nginx:
    """A service's nginx with two pools."""
    return Nginx.model_validate(
        {
            "config": "nginx.conf",
            "upstream": "trading",
            "include": include,
            "reload": {"argv": ["true"]},
            "pools": {"blue": BLUE, "green": GREEN},
        }
    )


PARAMETERS = st.lists(st.sampled_from(["max_fails=0", "weight=5", "fail_timeout=2s", "max_conns=9"]), unique=True)
LINES = st.lists(
    st.sampled_from(["zone a 64k;", "least_conn;", "# a } word; about {it}", "keepalive 8;", "", 'hash "$a;b";']),
    max_size=4,
)


@given(PARAMETERS, LINES, LINES)
def test_there_and_back_names_the_same_pools(parameters: list[str], above: list[str], below: list[str]) -> None:
    """Whatever stands around the servers stays, in order, and each rewriting names exactly the pool asked for."""
    section = nginx(Path("upstream.conf"))
    servers = [" ".join(["server", address, *parameters]) + ";" for address in BLUE]
    text = "\n".join(["# before", "upstream trading {", *above, *servers, *below, "}", ""])
    there = nginx_upstream.with_pool(section, text, "green")
    back = nginx_upstream.with_pool(section, there, "blue")
    lines = [line.strip() for line in back.splitlines() if line.strip()]
    assert [line.replace("'", '"') for line in lines] == [line for line in text.splitlines() if line]
    assert [line.strip() for line in there.splitlines() if "server" in line] == [
        " ".join(["server", address, *parameters]) + ";" for address in GREEN
    ]


def test_a_default_port_is_the_same_address(tmp_path: Path) -> None:
    """A server without a port is the one on port 80; one marked down serves nothing."""
    include = tmp_path / "upstream.conf"
    include.write_text("upstream trading { server 10.0.0.1; server 10.0.0.2:80; server 10.0.1.1:8080 down; }")
    assert nginx_upstream.read(nginx(include)).pool == "blue"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("upstream trading {", "unexpected end of file"),
        ("upstream other { server 10.0.0.1; }", "0 upstream blocks are called 'trading'"),
        ("upstream trading { }", "with servers"),
        ("upstream trading { server 10.0.0.1; } upstream trading { server 10.0.0.2; }", "2 upstream blocks"),
    ],
)
def test_what_cannot_be_understood_is_named(tmp_path: Path, text: str, said: str) -> None:
    """The file, what was expected of it and what to do are said."""
    include = tmp_path / "upstream.conf"
    include.write_text(text)
    with pytest.raises(CouldNotObserve, match=said) as found:
        nginx_upstream.read(nginx(include))
    assert str(include) in str(found.value)


def test_differing_parameters_are_not_guessed(tmp_path: Path) -> None:
    """Which of the new servers would get `weight=5` cannot be known, so nothing is written."""
    text = "upstream trading { server 10.0.0.1 weight=5; server 10.0.0.2; }"
    with pytest.raises(CouldNotObserve, match="give all servers the same"):
        nginx_upstream.with_pool(nginx(tmp_path / "upstream.conf"), text, "green")


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    """Where the new file cannot be made, certainly nothing began."""
    with pytest.raises(ActionFailed, match="cannot be rewritten") as failed:
        nginx_upstream.write(tmp_path / "absent" / "upstream.conf", "text")
    assert not failed.value.began
