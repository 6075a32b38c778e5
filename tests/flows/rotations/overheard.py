"""A room whose rotations are overheard everywhere: Prefect, Slack, PagerDuty, the ledger, files, processes, outputs."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep

import httpx
from pydantic import SecretStr
from ruamel.yaml import YAML

from deployments.rehearsal import pagerduty_account, slack_workspace
from deployments.rehearsal.addresses import plain
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.pagerduty_stand_in import PagerDutyStandIn
from deployments.rehearsal.prefect_server import PrefectServer
from deployments.rehearsal.slack_stand_in import SlackStandIn
from deployments.rehearsal.stand_in_server import TlsFiles
from tests.conftest import Estates
from tests.flows.rotations.room import NAME, Room
from tests.flows.rotations.searching import Found, Processes, in_files, leaks
from tests.tminus.staged_launch import CHANNEL
from tminus.chain_names import secret_chain
from tminus.courier import Courier
from tminus.environment import Environment
from tminus.outbox import Outbox
from tminus.rotations.course import Course
from tminus.yaml_source import Source

ROOT = Path(__file__).parents[3]
PUBLIC = {"username", "user", "host", "port", "engine", "dbname", "door", "id", "kid", "region", "url"}
"""Fields of a secret that are none."""
_WITHIN = 60.0  # seconds, for one command, and for the letters
_VISITS = 40
_FILES = {"runbook": "secrets.yaml", "environment": "environment.yaml"}
_PAGES = ("artifacts", "flow_runs", "task_runs", "logs", "flows", "variables", "concurrency_limits", "block_documents")


@dataclass
class Overheard:
    """One room, and whatever can be heard of it.

    Attributes:
        values: every value of the secret that there ever was.
        prefect: the server, of its own folder.
        processes: what could be read of them.
        talking: how the process talks: `loud`, or as it does by itself.
        elsewhere: further folders and files to be searched: a server's log.
    """

    room: Room
    prefect: PrefectServer
    ending: ExitStack
    slack: SlackStandIn
    slack_url: str
    pagerduty: PagerDutyStandIn
    processes: Processes
    talking: tuple[str, ...] = ()
    values: set[str] = field(default_factory=set)
    elsewhere: list[Path] = field(default_factory=list)

    def tminus(self, *words: str) -> int:
        """One command in the process that talks; its exit code. Whatever the secret's values are then is planted."""
        book = ["--runbook", str(self.room.folder / "secrets.yaml")]
        return self._tell([*words, *book, "--environment", str(self.room.folder / "environment.yaml")])

    def command(self, *words: str, typed: str) -> int:
        """The same in a process of its own, with something piped in."""
        files = [f"--{option}={self.room.folder / name}" for option, name in _FILES.items()]
        argv = [sys.executable, "-m", "cli.main", *words, *files]
        with (self.room.folder / "commands.log").open("ab") as said:
            code = subprocess.run(argv, cwd=ROOT, input=typed.encode(), stdout=said, stderr=said, check=False)
        self.plant()
        return code.returncode

    @cached_property
    def child(self) -> "subprocess.Popen[str]":
        """The process that talks; it sees the environment's variables as they are when it is first told something."""
        return self.ending.enter_context(_talking(self.room.folder, self.prefect, *self.talking))

    def hold(self, text: str) -> None:
        """Somebody puts a value there by hand."""
        self.room.client.put_secret_value(SecretId=self.room.secret, SecretString=text)
        self.plant()

    def current(self) -> str:
        """What an application reads."""
        return self.room.client.get_secret_value(SecretId=self.room.secret, VersionStage="AWSCURRENT")["SecretString"]

    def flow(self) -> int:
        """The flow once, in Prefect; 1 where it failed."""
        return self._tell(["flow"])

    def _tell(self, words: list[str]) -> int:
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write(json.dumps(words) + "\n")
        self.child.stdin.flush()
        answered, _, _ = select.select([self.child.stdout], [], [], _WITHIN)
        code = self.child.stdout.readline() if answered else ""
        assert code, f"it died, or hangs: {self.said[-2000:]}"
        self.plant()
        return int(code)

    @property
    def said(self) -> str:
        """All that the process that talks wrote."""
        return (self.room.folder / "said.log").read_text("utf-8", "replace")

    def until_over(self) -> Course:
        """What the schedule does, again and again, until nothing is open."""
        for _ in range(_VISITS):
            course = self.course()
            if course.open is None and course.owed is None:
                return course
            self.tminus("rotate", "--due")
            sleep(0.05)
        raise AssertionError(f"no end after {_VISITS} visits: {self.said[-2000:]}")

    def rotated(self) -> None:
        """A whole rotation, by command and by flow; raises AssertionError unless another value is current then."""
        before = self.current()
        assert self.tminus("rotate", NAME, "--dry-run") == 0
        assert self.tminus("rotate", NAME) == 0
        self.flow()
        course = self.until_over()
        assert course.rotations[-1].ended is not None
        assert course.rotations[-1].ended.how == "rotated"
        assert self.current() != before
        assert len(self.values) >= 2
        assert self.tminus("secrets", NAME) == 0

    def course(self) -> Course:
        """What the ledger knows."""
        with closing(self.room.store()) as store:
            return Course.read(store, secret_chain("house", "test", NAME))

    def plant(self) -> None:
        """Remembers every value that Secrets Manager holds now, of all versions."""
        client, secret = self.room.client, self.room.secret
        listed = client.list_secret_version_ids(SecretId=secret, IncludeDeprecated=True)["Versions"]
        for one in listed:
            text = client.get_secret_value(SecretId=secret, VersionId=one["VersionId"])["SecretString"]
            self.values |= secrets_in(text)

    def carried(self) -> None:
        """Waits until Slack and PagerDuty have every letter; raises AssertionError where they do not."""
        until = monotonic() + _WITHIN
        with closing(self.room.store()) as store:
            while Outbox(store).unsent() and monotonic() < until:
                sleep(0.05)
            assert Outbox(store).unsent() == []

    def everywhere(self) -> Found:
        """All there is to be read."""
        self.carried()
        found = in_files(self.room.folder)
        for place in self.elsewhere:
            found |= in_files(place) if place.is_dir() else {str(place): place.read_bytes()}
        with httpx.Client(base_url=self.prefect.address.api_url, trust_env=False, timeout=30) as client:
            for page in _PAGES:
                found[f"Prefect's {page}"] = client.post(f"/{page}/filter", json={}).raise_for_status().content
        found["Slack's channel"] = "\n".join(repr(one) for one in self.slack.workspace.lasting(CHANNEL)).encode()
        found["PagerDuty's incidents"] = "\n".join(repr(one) for one in self.pagerduty.account.incidents).encode()
        return {**found, **self.processes.found}

    def leaks(self) -> list[str]:
        """Each place that holds a value; none is wanted."""
        assert self.values
        return leaks(self.everywhere(), self.values)


def secrets_in(text: str) -> set[str]:
    """What nobody may see of a secret's value: its fields but for names, else the whole text."""
    try:
        read = json.loads(text)
    except ValueError:
        return {text}
    fields = read if isinstance(read, dict) else {"": text}
    return {str(one) for key, one in fields.items() if key not in PUBLIC and isinstance(one, str)}


def edit(path: Path, change: dict[str, object]) -> None:
    """Sets keys of a YAML file."""
    yaml = YAML()
    data = yaml.load(path)
    data.update(change)
    yaml.dump(data, path)


def entry(room: Room, **changed: object) -> None:
    """What the book says of the one secret, all of it, beside who owns it and how long things take."""
    policy = {"title": "The secret", "owner": "security_lead", "secret": room.secret, "every": "30d"}
    quick = {"overlap": "200 ms", "cycle": "200 ms", "switched_off": "200 ms"}
    edit(room.folder / "secrets.yaml", {"rotations": {NAME: {**policy, **quick, **changed}}})


@contextmanager
def overheard(
    room: Room, estates: Estates, prefect: PrefectServer, tls: TlsFiles, **sections: object
) -> Iterator[Overheard]:
    """The room with everything around it; `sections` are the environment's besides."""
    folder = room.folder
    token, routing = SecretStr("xoxb-of-the-house"), SecretStr("0123456789abcdef0123456789abcdef")
    slack = SlackStandIn(token, slack_workspace.Directory(users=()), folder / "slack.jsonl")
    someone = {"users": [{"id": "PUSER01", "name": "Somebody", "email": "some@example.com"}], "on_calls": []}
    pagerduty = PagerDutyStandIn(
        routing, SecretStr("rest"), pagerduty_account.Directory.model_validate(someone), folder / "pagerduty.jsonl"
    )
    with ExitStack() as ending:
        slack_url, pages = ending.enter_context(served(slack.app())), ending.enter_context(served(pagerduty.app(), tls))
        edit(
            folder / "environment.yaml",
            {
                "prefect": {"api": prefect.address.api_url},
                "slack": {
                    "api": f"{slack_url}/api/",
                    "channel": CHANNEL,
                    "token": estates.secret(token),
                    "signing_secret": estates.secret(SecretStr("of the house")),
                },
                "pagerduty": {"events": pages, "routing_key": estates.secret(routing), "ca_file": str(tls.authority)},
                **sections,
            },
        )
        place = Source.read(folder / "environment.yaml").load(Environment)
        store = ending.enter_context(closing(room.store()))
        ending.enter_context(Courier(store, place))
        processes = ending.enter_context(Processes())
        found = Overheard(
            room, prefect, ending, slack, slack_url, pagerduty, processes, elsewhere=[prefect.address.home]
        )
        found.plant()
        yield found


@contextmanager
def _talking(folder: Path, prefect: PrefectServer, *how: str) -> "Iterator[subprocess.Popen[str]]":
    """The process that talks, with Prefect made to keep all that it can be made to."""
    environment = {
        **os.environ,
        **plain(prefect.address.environment()),
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "botocore,boto3,urllib3,psycopg,redis,tminus",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true",
        "TMINUS_PEOPLE": str(folder / "people.yaml"),
    }
    with (folder / "said.log").open("a") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.rotations.talking", str(folder), *how],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()
