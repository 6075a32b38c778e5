"""What goes wrong where people answer on the command line: each is told what, and what to do next."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli.main import main
from cli.pending import plain
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import asking
from tminus import events as ev
from tminus.clock import now


@pytest.fixture
def stage(go_asked: Stage) -> Stage:
    """A launch that asks for its go."""
    return go_asked


def tminus(*words: str) -> Result:
    """Runs a command; its standard input is no terminal."""
    return CliRunner().invoke(main, words)


def digest(stage: Stage) -> str:
    """Of what is asked now, as it is copied."""
    return asking.short(stage.book.refresh().asks["go-no-go"].opened.decision_digest)


def attestation(stage: Stage) -> str:
    """The DevOps lead is asked whether they are watching; returns the question's digest."""
    asked = stage.book.record.asks["go-no-go"].opened
    stage.book.write(
        ev.AskOpened(
            ask="watching",
            step="watching",
            kind="attestation",
            roles={"devops_lead": 1},
            text="*I am watching* 2 * 3 dashboards\nand *the channel*",
            decision_digest="sha256:" + "ab" * 32,
            evidence_digest=asked.evidence_digest,
            deadline=now() + timedelta(minutes=5),
        )
    )
    return "ab" * 6


class TestTooLate:
    """What no longer counts is refused with its reason, exit code 3, and is written down."""

    @pytest.mark.parametrize("more", [(), ("--ask", "go-no-go")])
    @pytest.mark.parametrize("words", [("approve",), ("reject", "--reason", "late")])
    def test_what_is_decided_says_how(self, stage: Stage, words: tuple[str, ...], more: tuple[str, ...]) -> None:
        """Without --ask the last question of that kind is meant; no digest is wanted for it."""
        stage.end_ask("rejected", "Security lead said no: not today")
        done = tminus(words[0], LAUNCH, *words[1:], *more)
        assert (done.exit_code, "Security lead said no: not today" in done.stderr) == (3, True), done.output
        assert stage.refusals()[-1].why.startswith("go-no-go was decided at ")

    def test_whoever_said_so_is_told_so(self, stage: Stage) -> None:
        """Also where no digest is given."""
        assert tminus("approve", LAUNCH, "--digest", digest(stage)).exit_code == 0
        again = tminus("approve", LAUNCH)
        assert (again.exit_code, "already said approve" in again.stderr) == (3, True)
        assert (stage.refusals()[-1].what, len(stage.standing())) == ("approve go-no-go", 1)

    @pytest.mark.parametrize("word", ["approve", "attest", "done"])
    def test_a_launch_that_is_over_says_how_it_ended(self, stage: Stage, word: str) -> None:
        """Whether or not anything of that kind was asked; its chain has ended, so nothing more stands in it."""
        stage.close()
        seen = stage.book.refresh().seq
        done = tminus(word, LAUNCH, *(["--link", "https://example.com/1"] if word == "done" else []))
        said = "the launch is over: GO tradesense 2.0.0 launched"
        assert (done.exit_code, said in done.stderr, stage.book.refresh().seq) == (3, True, seen)

    def test_what_was_never_asked_is_a_usage_error(self, stage: Stage) -> None:
        """Nothing is written down."""
        done = tminus("attest", LAUNCH)
        assert (done.exit_code, "nothing was asked yet that attest would answer" in done.stderr) == (2, True)
        assert f"go-no-go is open; `tminus approve {LAUNCH} --ask go-no-go` shows it and answers it" in done.stderr
        stage.end_ask()
        assert "; `tminus pending` lists what is asked" in tminus("attest", LAUNCH).stderr
        assert stage.refusals() == []


class TestDigests:
    """Three ways to give a wrong one, three sentences, and none hands over the right one."""

    @pytest.mark.parametrize(
        ("named", "why"),
        [
            ("0f61c", "--digest '0f61c' is too short: it has 5 of at least 6 digits; `tminus pending` shows them"),
            ("go-no-go", "--digest 'go-no-go' is no digest: it has '-', and a digest has only the digits 0-9 and a-f"),
            ("0123456789ab", "--digest 0123456789ab does not name go-no-go: it is another question's"),
        ],
    )
    def test_a_wrong_one_is_told_apart(self, stage: Stage, named: str, why: str) -> None:
        """Nothing is recorded."""
        seen = stage.book.refresh().seq
        done = tminus("approve", LAUNCH, "--digest", named)
        assert (done.exit_code, why in done.stderr, digest(stage) in done.stderr) == (2, True, False), done.stderr
        assert stage.book.refresh().seq == seen


class TestNames:
    """The nearest names are offered, and what lists them is named."""

    def test_a_mistyped_launch_or_sign_off(self, stage: Stage, tmp_path: Path) -> None:
        """Both kinds are offered, a sign-off also by how it begins; exit code 2."""
        sign_off = Stage.set(tmp_path, launch="sign-off-tradesense-0123456789abcdef-0123456789ab")
        sign_off.store.close()
        for typed, meant in (
            (LAUNCH.replace("-0-1", "-1"), f"did you mean '{LAUNCH}'? "),
            ("sign-off-trad", "did you mean 'sign-off-tradesense-0123456789abcdef-0123456789ab'? "),
            ("qqq", "is called 'qqq'; `tminus status` lists"),
        ):
            done = tminus("status", typed)
            assert (done.exit_code, meant in done.stderr, "`tminus pending`" in done.stderr) == (2, True, True)

    def test_where_names_cannot_be_read_none_is_offered(self, stage: Stage) -> None:
        """One damaged entry is not what is wrong with a mistyped name: still exit code 2."""
        damaged = "INSERT INTO event (chain, seq, body, hash) VALUES ('directory', 1, '{}', '')"
        stage.store.run(damaged, {})
        done = tminus("status", LAUNCH.replace("-0-1", "-1"))
        assert (done.exit_code, "no launch or sign-off is called" in done.stderr) == (2, True), done.stderr
        assert "did you mean" not in done.stderr

    def test_a_mistyped_step(self, stage: Stage) -> None:
        """The same for both orders: exit code 2, and nothing is written down."""
        seen = stage.book.refresh().seq
        said = "the book has no step called 'service-healthy'; did you mean 'services-healthy'"
        for more in (
            ("retry", LAUNCH, "service-healthy"),
            ("waive", LAUNCH, "service-healthy", "--until", "2099-01-01"),
        ):
            done = tminus(*more, "--reason", "r")
            assert (done.exit_code, said in done.stderr) == (2, True), done.stderr
        assert stage.book.refresh().seq == seen

    def test_a_mistyped_question(self, stage: Stage) -> None:
        """Offered, too."""
        assert "did you mean 'go-no-go'? " in tminus("approve", LAUNCH, "--ask", "go-nogo").stderr


class TestDone:
    """`done` is `attest` with a link, and speaks of itself."""

    def test_its_errors_and_what_it_records_name_it(self, stage: Stage) -> None:
        """And never the other command."""
        link = ("--link", "https://example.com/1")
        assert "nothing was asked yet that done would answer" in tminus("done", LAUNCH, *link).stderr
        wrong = tminus("done", LAUNCH, "--ask", "go-no-go", *link)
        assert (wrong.exit_code, "'done' does not answer this approval" in wrong.stderr) == (3, True)
        given = tminus("done", LAUNCH, "--digest", attestation(stage), *link)
        assert "Recorded: DevOps lead, first shift done watching" in given.output, given.output
        assert stage.standing("watching")[0].link == "https://example.com/1"


class TestShown:
    """What waits is shown as a terminal shows it."""

    def test_pending_shows_the_whole_question_in_plain_words(self, stage: Stage) -> None:
        """Every line marked as one of it, and no asterisks of a heading, which only Slack turns into bold."""
        attestation(stage)
        shown = tminus("pending").output
        assert "    | I am watching 2 * 3 dashboards\n    | and *the channel*\n    tminus attest " in shown
        (one, _) = sorted(json.loads(tminus("pending", "--json").output), key=lambda one: one["kind"], reverse=True)
        assert one["text"] == "*I am watching* 2 * 3 dashboards\nand *the channel*"

    @pytest.mark.parametrize(
        "text",
        [
            "delete *.log,*.tmp; keep *.cfg",
            "rm *log *tmp x* y",
            "*.log and *.tmp*",
            "*log is kept; 2 * 3, a*b*c",
            "*/5 * * * *",
            "* one\n* two *",
        ],
    )
    def test_what_a_question_says_is_not_altered(self, text: str) -> None:
        """It is what stands before the yes: an asterisk may be what is asked about."""
        assert plain(text) == text

    def test_a_heading_is_shown_without_asterisks(self) -> None:
        """As a briefing writes it: its title, and each part's."""
        assert plain("*shop 2.0*, TICKET-1. T-0\n\n*Waived*\n• none") == "shop 2.0, TICKET-1. T-0\n\nWaived\n• none"

    def test_who_has_answered_is_waited_for_no_more(self, stage: Stage) -> None:
        """Only who is still missing is listed; `roles` in the JSON are all that were asked."""
        before = tminus("pending", LAUNCH).stdout.splitlines()[0]
        assert "waits for 1 devops_lead and 1 engineering_lead and 1 security_lead; next could be" in before
        assert tminus("approve", LAUNCH, "--digest", digest(stage)).exit_code == 0
        assert "waits for 1 engineering_lead and 1 security_lead" in tminus("pending", LAUNCH).stdout.splitlines()[0]
        (one,) = json.loads(tminus("pending", LAUNCH, "--json").stdout)
        assert one["missing"] == {"engineering_lead": 1, "security_lead": 1}
        assert set(one["roles"]) == {"engineering_lead", "devops_lead", "security_lead"}

    def test_of_one_launch(self, stage: Stage) -> None:
        """A name that is none is a mistake, with the nearest ones; one that waits for nobody says so."""
        wrong = tminus("pending", LAUNCH[:-1])
        assert (wrong.exit_code, f"did you mean {LAUNCH!r}?" in wrong.stderr) == (2, True)
        stage.close("no-go", "NO-GO")
        assert tminus("pending", LAUNCH).stdout == f"Nothing waits for people in {LAUNCH}.\n"

    def test_a_question_begins_no_line_that_looks_like_ours(self, stage: Stage) -> None:
        """No other launch, nor a command to type, is made up by who gave a reason."""
        forged = "ok\nshop-9  approval  go\n    tminus approve shop-9 --ask go --digest abcdef"
        opened = stage.book.record.asks["go-no-go"].opened
        stage.book.write(opened.model_copy(update={"text": forged}))
        lines = tminus("pending").output.splitlines()
        assert [line for line in lines if "shop-9" in line] == [
            "    | shop-9  approval  go",
            "    |     tminus approve shop-9 --ask go --digest abcdef",
        ]


class TestKeys:
    """A wrong key is named by its file, with the next step."""

    def test_a_key_of_nobody(self, stage: Stage, tmp_path: Path) -> None:
        """Which file, whose people.yaml, what shows the public half, and whom to ask."""
        key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        path = tmp_path / "my key"
        path.write_bytes(key)
        done = tminus("approve", LAUNCH, "--key", str(path))
        assert done.exit_code == 3
        for said in (
            f"the key {path} belongs to nobody in the people.yaml with which {LAUNCH} was created",
            f"`ssh-keygen -y -f '{path}'` shows it",
            "ask whoever keeps people.yaml to enter its public half beside your name",
        ):
            assert said in done.stderr

    def test_the_public_half(self, stage: Stage, tmp_path: Path) -> None:
        """It is said that the other file is meant."""
        (tmp_path / "mine.pub").write_text(f"{stage.key('devops').public} me@example\n", "utf-8")
        done = tminus("approve", LAUNCH, "--key", str(tmp_path / "mine.pub"))
        assert (done.exit_code, "mine.pub is a public key; give the private one" in done.stderr) == (2, True)
