"""The bench of rotations rotates, counts what it says, and sees what it must: on a few secrets, for a few seconds."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench import rotation
from bench.rotation_left import dead, orphans, roles
from bench.rotation_place import place
from bench.rotation_rights import lost
from bench.rotation_sabotage import SABOTAGES
from bench.rotation_secrets import BRIEF, Mix, make
from bench.rotation_witnesses import counted_apart
from deployments.rehearsal import witness_count

FEW = ("--brief", "--rotations", "2", "--secrets", "2", "--rate", "16")


def _figures(printed: str) -> dict[str, dict[str, object]]:
    return {figure["figure"]: figure for figure in map(json.loads, printed.splitlines())}


def test_secrets_rotate_and_nobody_is_refused_but_by_the_naive_rotation(capsys: pytest.CaptureFixture[str]) -> None:
    """Each secret is lived by in two versions; what is left behind is looked at, and the servers' counts are equal."""
    rotation.main(FEW)
    figures = _figures(capsys.readouterr().out)
    for name in ("rotations", "secrets", "orphan_users", "lost_grants", "dead_credentials", "witness_equals_server"):
        assert figures[name]["holds"], figures[name]
    for name in ("refused_logins", "naive_refusals"):  # nothing else here depends on how quick the machine is
        assert figures[name]["holds"], figures[name]
    assert figures["versions_lived_by"]["value"] == 4
    assert figures["login_rate"]["goal"] == ">= 14.4"
    assert figures["late_logins"]["goal"] == "<= 0.05"


@pytest.mark.long
@pytest.mark.parametrize(
    ("what", "fall"),
    [("overlap", {"refused_logins"}), ("census", {"refused_logins"}), ("grants", {"lost_grants", "refused_logins"})],
)
def test_with_a_mechanism_switched_off_its_figure_falls(what: str, fall: set[str]) -> None:
    """The negative control, in a process of its own; the servers count the refusals as the witness does."""
    few = FEW[1:] if what == "census" else FEW  # a batch must hold its value for longer than all of it may take
    argv = [sys.executable, "-m", "bench.rotation", *few, "--sabotage", what]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=Path(rotation.__file__).parents[1])
    figures = _figures(done.stdout)
    assert done.returncode == 1, done.stderr
    assert fall <= {name for name, figure in figures.items() if not figure.get("holds", True)}
    assert figures["witness_equals_server"]["holds"]
    assert figures["rotations"]["holds"], "what is switched off lets secrets be rotated all the same"


def test_what_is_left_behind_is_found(tmp_path: Path) -> None:
    """A user who is nobody's, a half that can still log in, a value that opens nothing, a refusal nobody witnessed."""
    tmp_path.chmod(0o711)
    with place(tmp_path, with_site=False) as at:
        secrets = make(at, Mix.of(2, 1.0), BRIEF)
        before = roles(at)
        assert (list(orphans(at, secrets, before)), list(dead(at, secrets))) == ([], [])
        with at.superuser() as admin:
            admin.execute("CREATE ROLE stray; CREATE ROLE app_001_b LOGIN; ALTER ROLE app_000_a PASSWORD 'another'")
        with at.redis_admin() as redis:
            redis.acl_setuser("stray", enabled=True)
        assert list(orphans(at, secrets, before)) == [
            "app_001_b is no secret's current login, and can log in",
            "stray was not there before, and is of no pair",
            "stray of Redis is nobody's",
        ]
        [one] = dead(at, secrets)
        assert one.startswith("app_000 (app_000_a): password: ")
        assert counted_apart(at, witness_count.Testimony({}, (), whole=True), secrets.people()) == {"app_000_a": 1}


def test_every_mechanism_has_a_sabotage_that_the_command_knows() -> None:
    """Named as they are explained."""
    explained = {line.split(":")[0].strip("- ") for line in (rotation.__doc__ or "").splitlines() if line[:2] == "- "}
    assert explained == set(SABOTAGES)


def test_a_right_that_is_gone_and_one_that_is_new_are_both_told() -> None:
    """Twice the same right, of which one went, counts once."""
    before = {"a": Counter({"may read": 2, "may write": 1})}
    after = {"a": Counter({"may read": 1, "may write": 1, "is super": 1})}
    assert lost(before, after) == ["a: no longer may read", "a: suddenly is super"]
    assert lost(before, before) == []
