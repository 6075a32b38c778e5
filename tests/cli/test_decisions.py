"""Decisions on the command line: by a person's key, for one question, recorded with a signature that verifies."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cli.main import main
from deployments.rehearsal.people_file import People
from tests.tminus.staged_launch import LAUNCH, Stage
from tminus import asking
from tminus import events as ev
from tminus.digests import failure_digest
from tminus.outcome import Outcome
from tminus.personal_key import verified

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A launch that asks for its go, in the ledger that TMINUS_LEDGER names; nobody's key is set."""
    stage = Stage.set(tmp_path)
    stage.ask()
    monkeypatch.setenv("TMINUS_LEDGER", f"sqlite:{tmp_path / 'ledger.sqlite'}")
    monkeypatch.delenv("TMINUS_KEY", raising=False)
    return stage


def tminus(stage: Stage, *words: str, key: str = "") -> Result:
    """Runs a command as somebody of the crew; a yes is to what is asked now."""
    return CliRunner().invoke(main, [*words, *seen(stage, words), *(["--key", str(stage.keys / key)] if key else [])])


def seen(stage: Stage, words: tuple[str, ...]) -> list[str]:
    """The digest that a yes wants, of the question which it is to."""
    asks = {"approve": "go-no-go", "acknowledge": "team-briefed"}
    if words[0] not in asks or LAUNCH not in words or "--digest" in words:
        return []
    named = words[words.index("--ask") + 1] if "--ask" in words else asks[words[0]]
    ask = stage.book.refresh().asks.get(named)
    return ["--digest", asking.short(ask.opened.decision_digest)] if ask else []


class TestAnswers:
    """approve, reject, acknowledge, attest."""

    def test_the_go_is_given_by_three_keys_and_every_signature_verifies(self, stage: Stage) -> None:
        """Recorded as the person whose key it was, bound to the digest that is asked."""
        for person in ("both", "devops", "engineering"):
            done = tminus(stage, "approve", LAUNCH, key=person)
            assert (done.exit_code, done.output.startswith("Recorded: ")) == (0, True), done.output
        ask = stage.book.refresh().asks["go-no-go"]
        assert asking.judge(ask, stage.frozen.people).met
        for answer in ask.answers:
            person = stage.frozen.people.by_id(answer.person)
            assert person is not None
            assert verified(LAUNCH, answer, person)
            assert not verified(LAUNCH, answer.model_copy(update={"answer": "reject"}), person)

    def test_a_no_wants_a_reason_and_gives_it(self, stage: Stage) -> None:
        """Without one it is a usage error; with one it is in the ledger."""
        assert tminus(stage, "reject", LAUNCH, key="devops").exit_code == 2
        assert tminus(stage, "reject", LAUNCH, "--reason", "not on a Friday", key="devops").exit_code == 0
        assert stage.book.refresh().asks["go-no-go"].answers[-1].reason == "not on a Friday"

    def test_one_of_several_open_questions_must_be_named(self, stage: Stage) -> None:
        """With its own kind open twice it is ambiguous; --ask says which."""
        stage.ask("team-briefed")
        assert tminus(stage, "acknowledge", LAUNCH, key="devops").exit_code == 0
        unknown = tminus(stage, "approve", LAUNCH, "--ask", "lunch", key="devops")
        assert (unknown.exit_code, "asked were: go-no-go, team-briefed" in unknown.output) == (2, True)
        wrong = tminus(stage, "approve", LAUNCH, "--ask", "team-briefed", key="product")
        assert wrong.exit_code == 3

    @pytest.mark.parametrize(
        ("person", "reason"),
        [("product", "has the roles product_manager"), ("starter", "nobody approves their own")],
    )
    def test_a_refusal_is_exit_code_3_with_the_reason_that_the_ledger_has(
        self, stage: Stage, person: str, reason: str
    ) -> None:
        """On stderr, in one line."""
        done = tminus(stage, "approve", LAUNCH, key=person)
        assert done.exit_code == 3
        assert reason in done.stderr
        assert stage.refusals()[-1].why in done.stderr
        assert stage.refusals()[-1].via == "command line"

    def test_too_late_is_too_late(self, stage: Stage) -> None:
        """After the deadline nothing is pending, and an answer is refused."""
        stage.ask(deadline=timedelta(seconds=-1))
        assert tminus(stage, "pending").output == "Nothing waits for people.\n"
        assert "the deadline was" in tminus(stage, "approve", LAUNCH, key="devops").stderr


class TestKeys:
    """Whose decision it is."""

    def test_without_a_key_nothing_is_decided(self, stage: Stage) -> None:
        """Usage error, naming the option and the variable."""
        done = tminus(stage, "approve", LAUNCH)
        assert done.exit_code == 2
        assert "--key" in done.stderr
        assert "TMINUS_KEY" in done.stderr

    def test_the_variable_names_it_too(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        """As the rehearsal's people have it."""
        monkeypatch.setenv("TMINUS_KEY", str(stage.keys / "devops"))
        assert tminus(stage, "approve", LAUNCH).exit_code == 0

    def test_a_strangers_key_is_refused(self, stage: Stage) -> None:
        """Exit code 3; no answer is recorded."""
        strange = Ed25519PrivateKey.generate()
        (stage.keys / "strange").write_bytes(strange.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        done = tminus(stage, "approve", LAUNCH, key="strange")
        assert (done.exit_code, "belongs to nobody" in done.stderr) == (3, True)
        assert stage.book.refresh().asks["go-no-go"].answers == []

    def test_a_missing_file_and_another_kind_of_key_are_usage_errors(self, stage: Stage) -> None:
        """Named by the path, with what to do."""
        missing = tminus(stage, "approve", LAUNCH, key="nowhere")
        assert (missing.exit_code, "ssh-keygen -t ed25519" in missing.stderr) == (2, True)
        rsa = generate_private_key(public_exponent=65537, key_size=2048)
        (stage.keys / "rsa").write_bytes(rsa.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        other = tminus(stage, "approve", LAUNCH, key="rsa")
        assert (other.exit_code, "not an Ed25519 key" in other.stderr) == (2, True)

    def test_an_unknown_launch_is_a_usage_error(self, stage: Stage) -> None:
        """Named, with the command that lists them."""
        done = tminus(stage, "approve", "nowhere", key="devops")
        assert (done.exit_code, "no launch or sign-off is called 'nowhere'" in done.stderr) == (2, True)


class TestOrders:
    """hold, resume, recycle, scrub, rollback, retry, waive."""

    def test_hold_and_resume(self, stage: Stage) -> None:
        """Each recorded with its reason and a signature."""
        assert tminus(stage, "hold", LAUNCH, "--reason", "looking", key="security").exit_code == 0
        held = stage.book.refresh().held
        assert isinstance(held, ev.Ordered)
        assert (held.person, held.reason, bool(held.signature)) == ("security", "looking", True)
        resumed = tminus(stage, "resume", LAUNCH, "--reason", "it was nothing", key="devops")
        assert resumed.output.endswith("Let go of what was held by Security lead: looking.\n")
        assert stage.book.refresh().held is None
        said = stage.book.record.events[-1]
        assert isinstance(said, ev.Ordered)
        assert said.reason == "it was nothing; lets go of what was held by Security lead: looking"

    def test_retry_and_waive_a_step(self, stage: Stage) -> None:
        """A waiver with a date; a date that is none is a usage error that shows how to write one."""
        stage.end_step("services-healthy", Outcome.failed("healthy 4 of 6"))
        wrong = ("waive", LAUNCH, "services-healthy", "--reason", "r", "--until", "tomorrow")
        done = tminus(stage, *wrong, key="devops")
        assert (done.exit_code, "2026-12-01" in done.stderr) == (2, True)
        digest = asking.short(failure_digest(stage.book.refresh().step("services-healthy")))
        assert tminus(stage, *wrong[:-1], "2099-12-01", "--digest", digest, key="devops").exit_code == 0
        assert "is settled" in tminus(stage, "retry", LAUNCH, "services-healthy", key="devops").stderr

    def test_rolling_back_asks_back_and_is_for_those_who_may(self, stage: Stage) -> None:
        """Without a yes nothing happens; --yes asks nobody."""
        stage.begin_change()
        asked = CliRunner().invoke(
            main, ["rollback", LAUNCH, "--reason", "r", "--key", str(stage.keys / "devops")], input="n\n"
        )
        assert asked.exit_code == 1
        assert not stage.book.refresh().must_roll_back
        assert tminus(stage, "rollback", LAUNCH, "--reason", "r", "--yes", key="security").exit_code == 3
        assert tminus(stage, "rollback", LAUNCH, "--reason", "r", "--yes", key="devops").exit_code == 0
        assert stage.book.refresh().must_roll_back


class TestPending:
    """What waits for people."""

    def test_it_lists_what_can_still_be_answered(self, stage: Stage) -> None:
        """For programs as JSON with launch, request, roles, kind and deadline; nothing once it is decided."""
        (one,) = json.loads(tminus(stage, "pending", "--json").output)
        assert (one["launch"], one["request"], one["kind"]) == (LAUNCH, "go-no-go", "approval")
        assert set(one["roles"]) == {"engineering_lead", "devops_lead", "security_lead"}
        assert "go-no-go" in tminus(stage, "pending").output
        stage.end_ask()
        assert json.loads(tminus(stage, "pending", "--json").output) == []

    def test_a_launch_that_is_over_waits_for_nobody(self, stage: Stage) -> None:
        """Whatever was still open."""
        stage.close("scrubbed", "SCRUBBED")
        assert json.loads(tminus(stage, "pending", "--json").output) == []


def test_the_rehearsals_people_can_say_everything(stage: Stage, tmp_path: Path) -> None:
    """Every decision that the simulator makes has a command line that this one accepts."""
    from deployments.rehearsal import documents

    class Files:
        """Where the rehearsal's files would be."""

        def key(self, role: str) -> Path:
            """A key's path."""
            return tmp_path / role

    from deployments.rehearsal.faults import NONE

    everyone = People.model_validate(documents._simulated(Files(), NONE))  # type: ignore[arg-type]  # it asks for keys alone
    said = {}
    digest = stage.book.record.asks["go-no-go"].opened.decision_digest
    words = {"{launch}": LAUNCH, "{request}": "go-no-go", "{decision}": "", "{digest}": digest}
    for decision, person in (("hold", "security"), ("approve", "devops"), ("reject", "product")):
        words["{decision}"] = decision
        command = [words.get(word, word) for word in everyone.command_for(decision)]  # type: ignore[arg-type]
        said[decision] = tminus(stage, *command[command.index("cli.main") + 1 :], key=person)
    assert {decision: done.exit_code for decision, done in said.items()} == dict.fromkeys(said, 0)


@pytest.mark.parametrize("words", [["pending"], ["approve", LAUNCH]], ids=lambda words: words[0])
def test_a_decision_loads_no_engine_and_no_client(stage: Stage, words: list[str]) -> None:
    """What makes a command slow is left out: Prefect, the checks' vocabulary, and every system's client library."""
    code = (
        "import sys; from cli.main import main; main(sys.argv[1:], standalone_mode=False); "
        "print(' '.join(name for name in sys.modules))"
    )
    yes = ["--key", str(stage.keys / "devops"), *seen(stage, tuple(words))]
    key = [] if words == ["pending"] else yes
    done = subprocess.run(
        [sys.executable, "-c", code, *words, *key], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = {"prefect", "tasks", "flows", "httpx", "boto3", "redis", "psycopg", "slack_sdk", "pagerduty", "starlette"}
    assert loaded & heavy == set()
