"""Nothing is broken before somebody else said yes to just that, and each yes counts once."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from cli.main import main
from deployments.rehearsal.binaries import CHECKOUT
from deployments.rehearsal.drill_estate import DrillEstate
from flows.drill_round import opened_drills
from tests.flows.drills.playing import argv, course, drill, last, said_otherwise
from tests.tminus.readiness.room import person
from tminus.asking import how_to_answer
from tminus.chain_names import is_drill_asked
from tminus.drills.papers import ASK
from tminus.ledger.logbook import Logbook
from tminus.people import People

NAME = "cache-failover"


@dataclass(frozen=True)
class Asked:
    """The estate, with a book that wants a yes, and the people who may give it."""

    estate: DrillEstate
    folder: Path

    @property
    def words(self) -> list[str]:
        """What is typed besides."""
        files = ["--runbook", str(self.folder / "drills.yaml"), "--people", str(self.folder / "people.yaml")]
        return [*files, "--key", str(self.folder / "asker"), "--reason", "the monthly one"]

    @contextmanager
    def playing(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """The block in which the command runs, and after which it does not."""
        process = subprocess.Popen(
            argv(self.estate, NAME, *self.words, *words),
            env=self.estate.seen(),
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def questions(self) -> list[str]:
        """The chains in which people were asked."""
        with closing(opened_drills(self.estate.book, self.estate.environment_file).store()) as store:
            return sorted(filter(is_drill_asked, store.chains()))

    def question(self, process: "subprocess.Popen[str]", after: int) -> str:
        """The newest, once there are more than so many."""
        until = time.monotonic() + 60
        while len(found := self.questions()) <= after:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until, "nobody was asked"
            time.sleep(0.05)
        return found[-1]

    def says(self, who: str, word: str, chain: str) -> int:
        """What somebody answers; the exit code."""
        opened = opened_drills(self.estate.book, self.estate.environment_file)
        with closing(opened.store()) as store:
            _, _, _, *bound = how_to_answer(chain, Logbook(store, chain).refresh().asks[ASK].opened).split()
        rest = bound if word == "approve" else ["--reason", "not today"]
        ledger = {"TMINUS_LEDGER": f"sqlite:{opened.environment.ledger.sqlite}"}
        return CliRunner().invoke(main, [word, chain, *rest, "--key", str(self.folder / who)], env=ledger).exit_code


@pytest.fixture
def asked(estate: DrillEstate, tmp_path: Path) -> Asked:
    """The owner's yes is wanted, and two have the role."""
    yaml = YAML()
    book = yaml.load(estate.book)
    for one in book["scenarios"].values():
        del one["approval"]
    yaml.dump(book, tmp_path / "drills.yaml")
    roles = {"asker": "devops_lead", "guard": "devops_lead", "chief": "release_manager"}
    people = People(people=tuple(person(tmp_path, who, role) for who, role in roles.items()))
    yaml.dump(people.model_dump(mode="json"), tmp_path / "people.yaml")
    return Asked(estate, tmp_path)


def test_a_yes_of_somebody_else_begins_it_once(asked: Asked) -> None:
    """Before that nothing is broken and nothing held; the asker's own yes is refused; the next drill asks anew."""
    before, drills = len(asked.questions()), len(course(asked.estate, NAME).drills)
    with asked.playing() as process:
        chain = asked.question(process, before)
        assert asked.says("asker", "approve", chain) != 0
        assert len(course(asked.estate, NAME).drills) == drills
        assert asked.says("guard", "approve", chain) == 0
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert "Approved: " in said
    played = last(asked.estate, NAME)
    assert (played.began.approval, played.began.asked_by, played.began.reason) == (chain, "asker", "the monthly one")
    files = ["--people", str(asked.folder / "people.yaml"), "--environment", str(asked.estate.environment_file)]
    words = ["drills", NAME, *files, "--runbook", str(asked.folder / "drills.yaml")]
    roster = CliRunner().invoke(main, [*words, "--roster"])
    assert roster.exit_code == 0, roster.output
    assert f"{NAME}: Asker asked for it" in roster.output
    assert f"{NAME}: Guard approved it" in roster.output
    assert "for half a year: nobody" in roster.output
    drawn = CliRunner().invoke(main, [*words, "--html", str(asked.folder / "drills.html")])
    assert drawn.exit_code == 0, drawn.output
    assert "Guard" in (asked.folder / "drills.html").read_text("utf-8")
    nowhere = CliRunner().invoke(main, [*words, "--html", str(asked.folder / "no" / "drills.html")])
    assert (nowhere.exit_code, "cannot be written" in nowhere.output) == (2, True), nowhere.output
    with asked.playing() as process:
        assert asked.question(process, before + 1) != chain


def test_the_calendar_is_overridden_by_a_role_of_its_own(asked: Asked) -> None:
    """Outside it whom the calendar names is asked besides the drill's approvers; both must say yes, to that rule."""
    before, always = len(asked.questions()), "lease: 5s\n"
    with said_otherwise(asked.estate.environment_file, always, f"{always}{FROZEN}"):
        came = drill(asked.estate, NAME, *asked.words, "--override-calendar")
        assert (came.returncode, "`calendar.override`" in came.stderr) == (3, True), came.stderr
    with said_otherwise(asked.estate.environment_file, always, f"{always}{FROZEN}  override: [release_manager]\n"):
        came = drill(asked.estate, NAME, *asked.words)
        assert (came.returncode, "the end of the year" in came.stderr) == (3, True), came.stderr
        with asked.playing("--override-calendar") as process:
            chain = asked.question(process, before)
            assert asked.says("chief", "approve", chain) == 0
            time.sleep(1)
            assert process.poll() is None, "nobody has approved the drill itself"
            assert asked.says("guard", "approve", chain) == 0
            said, _ = process.communicate(timeout=120)
            assert process.returncode == 0, said
    assert last(asked.estate, NAME).began.approval == chain


FROZEN = """calendar:
  time_zone: UTC
  freezes:
  - {from: 2020-01-01T00:00, to: 2099-01-01T00:00, why: the end of the year}
"""


def test_a_no_breaks_nothing(asked: Asked) -> None:
    """Exit 3, with who said no and why; killed and typed again, the same question is taken up."""
    before, drills = len(asked.questions()), len(course(asked.estate, NAME).drills)
    with asked.playing() as process:
        chain = asked.question(process, before)
    with asked.playing() as process:
        assert process.stdout is not None
        assert "the question that was asked before is taken up" in process.stdout.readline()
        assert asked.questions()[-1] == chain
        assert asked.says("guard", "reject", chain) == 0
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, "nothing was broken" in said, "not today" in said) == (3, True, True), said
    assert len(course(asked.estate, NAME).drills) == drills


@pytest.mark.parametrize(("left_out", "said"), [("--people", "give --people"), ("--key", "whose word is it")])
def test_asked_wrongly(asked: Asked, left_out: str, said: str) -> None:
    """Without people nobody can be asked, and without a key nobody asks: exit 2."""
    words = asked.words
    at = words.index(left_out)
    came = drill(asked.estate, NAME, *words[:at], *words[at + 2 :])
    assert (came.returncode, said in came.stderr) == (2, True), came.stderr


@pytest.mark.long
def test_a_yes_is_to_what_was_planned(asked: Asked) -> None:
    """Where another is the primary by the time of the yes, nothing is broken: nobody said yes to killing that one."""
    before, drills = len(asked.questions()), len(course(asked.estate, NAME).drills)
    with asked.playing() as process:
        chain = asked.question(process, before)
        assert drill(asked.estate, NAME).returncode == 0  # by a book that asks nobody
        assert asked.says("guard", "approve", chain) == 0
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, "it is not what was approved any more: victim is " in said) == (3, True), said
    assert len(course(asked.estate, NAME).drills) == drills + 1
    with asked.playing() as process:
        assert asked.question(process, before + 1) != chain, "it is another question by now"
