"""`readiness`, `coverage`, `next` and `line`, as people type them: on real files and a real ledger, without Prefect."""

import json
from pathlib import Path

from click.testing import Result

from tests.cli.shop import JUNIT, Say
from tests.tminus.readiness.room import crew


def attest(say: Say, tmp_path: Path, who: str = "lead", until: str = "20d") -> Result:
    """Somebody states the second line."""
    key = str(tmp_path / who)
    return say(
        "line", "attest", "shop/testing/unit/2", "--until", until, "--link", "https://ci.example/1", "--key", key
    )


def test_a_shop_becomes_ready(say: Say, tmp_path: Path) -> None:
    """Not ready while a statement is missing; ready once the lead has given it; and the ledger tells it all."""
    before = say("readiness", "shop")
    assert before.exit_code == 3
    assert "shop is not ready: 1 lines block, 1 of 2 hold" in before.output
    assert "tminus line attest shop/testing/unit/2" in before.output

    given = attest(say, tmp_path)
    assert given.exit_code == 0
    assert "I read the report." in given.output

    after = say("readiness", "shop", "--all")
    assert after.exit_code == 0
    assert "shop is ready: 2 of 2 lines hold" in after.output
    assert "stated by lead (engineering_lead)" in after.output


def test_the_last_evidence_is_judged_without_looking(say: Say, tmp_path: Path) -> None:
    """`--last` looks at nothing: what has changed since does not show until somebody looks."""
    say("readiness", "shop")
    (tmp_path / "artifacts" / "unit.xml").unlink()

    last = json.loads(say("readiness", "shop", "--last", "--format", "json").output)
    assert last["counts"] == {"pass": 1, "fail": 1}
    now = json.loads(say("readiness", "shop", "--format", "json").output)
    assert now["counts"] == {"unknown": 1, "fail": 1}
    assert [line["ref"] for line in now["unproven"]] == ["shop/testing/unit/1"]
    assert len(now["trend"]) == 2


def test_every_format_is_written(say: Say, tmp_path: Path) -> None:
    """`--report` leaves each format in a folder."""
    say("readiness", "shop", "--report", str(tmp_path / "out"))

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "readiness.html",
        "readiness.json",
        "readiness.junit.xml",
        "readiness.md",
    ]


def test_only_who_may_can_state_or_accept(say: Say, tmp_path: Path) -> None:
    """Another role is refused with exit 3, a stranger's key too; nothing is recorded."""
    assert attest(say, tmp_path, "manager").exit_code == 3
    waived = say(
        "line", "waive", "shop/testing/unit/2", "--until", "9d", "--reason", "x", "--key", str(tmp_path / "manager")
    )
    assert waived.exit_code == 3
    assert "that is for engineering_lead" in waived.output
    crew(tmp_path)  # new keys, which people.yaml does not know
    assert attest(say, tmp_path).exit_code == 3
    assert say("readiness", "shop").exit_code == 3


def test_next_and_coverage_are_lists(say: Say) -> None:
    """Both have a form for programs, with just the promised keys."""
    say("readiness", "shop")

    fixes = json.loads(say("next", "shop", "--json").output)
    assert [(fix["blocking"], fix["refs"]) for fix in fixes] == [(1, ["shop/testing/unit/2"])]
    covered = json.loads(say("coverage", "--json").output)
    assert [(one["ref"], one["bound"], one["check"]) for one in covered] == [
        ("shop/testing/unit/1", "observed", "artifact.tests"),
        ("shop/testing/unit/2", "attested", "attestation by engineering_lead"),
    ]
    assert set(covered[0]) == {"ref", "title", "bound", "check"}


def test_what_to_mend_is_said_in_plain_english(say: Say) -> None:
    """One line is one line; where the whole list is said with the system's name."""
    swept = say("readiness", "shop").output
    assert "1 line, which blocks  engineering_lead: statements by" in swept
    assert "`tminus next shop --environment FILE` has the whole list." in swept
    assert "engineering_lead: turns 1 line green, which blocks\n" in say("next", "shop").output


def test_sweeps_of_another_environment_are_named(say: Say, tmp_path: Path) -> None:
    """A wrong environment file over the right ledger is said, and not only that nothing was looked at."""
    unknown = say("next", "shop")
    assert "The ledger has sweeps" not in unknown.output
    assert say("readiness", "shop").exit_code == 3
    assert "The ledger has sweeps" not in say("next", "shop").output
    place = tmp_path / "environment.yaml"
    place.write_text(place.read_text("utf-8").replace("environment: here", "environment: there"), "utf-8")

    for words in (("next", "shop"), ("next", "shop", "--json"), ("line", "show", "shop/testing/unit/1")):
        said = say(*words)
        assert said.exit_code == 0
        assert said.stderr == "The ledger has sweeps of shop in here, not in there.\n"
    assert json.loads(say("next", "shop", "--json").stdout)


def test_a_waiver_turns_a_line_green_and_keeps_why_in_sight(say: Say, tmp_path: Path) -> None:
    """The line is waived until the date, and its reason and what is wrong both show."""
    (tmp_path / "artifacts" / "unit.xml").write_text(JUNIT.replace("/></", "><failure/></testcase></"), "utf-8")
    key = str(tmp_path / "lead")
    say("line", "waive", "shop/testing/unit/1", "--until", "30d", "--reason", "flaky, ticket 12", "--key", key)

    shown = say("readiness", "shop", "--all").output

    assert "1 waived" in shown
    assert "flaky, ticket 12" in " ".join(shown.split())


def test_without_prefect_it_says_how_to_go_on(say: Say, tmp_path: Path) -> None:
    """A sweep that did not happen is never told as one that went well: exit 1, and what to type."""
    assert attest(say, tmp_path).exit_code == 0
    assert say("readiness", "shop").exit_code == 0

    down = say("readiness", "shop", prefect=True)

    assert down.exit_code == 1
    assert "--no-prefect" in down.output
    assert "is ready" not in down.output
