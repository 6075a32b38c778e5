"""What people press in Prefect's UI while a gate waits: Resume looks again, Suspend holds, Cancel holds and pages."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import JsonValue

from deployments.rehearsal.addresses import HOST
from tests.launch.stage import Launched, Stage, wait_for
from tests.rehearsal.test_prefect_server import retried
from tminus import events as ev

GATE = "go-no-go"


@dataclass
class Buttons:
    """A launch whose gate waits, and what its run's page in Prefect has buttons for."""

    stage: Stage
    launched: Launched
    api: httpx.Client

    def conducting(self) -> str:
        """The run that began to conduct last."""
        begun = [one.run for one in self.launched.record().events if isinstance(one, ev.PhaseStarted)]
        return begun[-1] if begun else ""

    def state(self, run: str) -> dict[str, JsonValue]:
        """How a run stands."""
        found: dict[str, JsonValue] = retried(lambda: self.api.get(f"/flow_runs/{run}")).json()["state"]
        return found

    def shown(self, name: str, words: str) -> bool:
        """Whether the run that conducts shows this state, with these words."""
        state = self.state(self.conducting())
        return state["name"] == name and words in str(state["message"])

    def waits(self) -> bool:
        """Whether the run that conducts shows that the gate waits."""
        return self.shown("Paused", f"--ask {GATE}")

    def resume(self, run: str) -> bool:
        """Presses Resume, and leaves the form as it is; whether Prefect took it, as it does of a Paused run alone."""
        answer = retried(lambda: self.api.post(f"/flow_runs/{run}/resume", json={"run_input": {"note": ""}}))
        return bool(answer.json()["status"] == "ACCEPT")

    def suspend(self, run: str) -> None:
        """Suspends it; Prefect refuses that of a run that is Paused already, unless it is forced, as its UI may do."""
        until = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        details = {"pause_timeout": until, "pause_reschedule": True}
        self._set(run, {"type": "PAUSED", "name": "Suspended", "state_details": details}, force=True)

    def cancel(self, run: str) -> None:
        """Presses Cancel."""
        self._set(run, {"type": "CANCELLING", "name": "Cancelling"}, force=False)

    def _set(self, run: str, state: dict[str, JsonValue], *, force: bool) -> None:
        asked = {"state": state, "force": force}
        answer = retried(lambda: self.api.post(f"/flow_runs/{run}/set_state", json=asked))
        assert answer.json()["status"] == "ACCEPT"

    def held(self) -> list[str]:
        """Why tminus held, each time."""
        return [one.why for one in self.launched.record().events if isinstance(one, ev.Held)]

    def let_go(self) -> None:
        """A person resumes the launch, with their own key."""
        words = ("resume", self.launched.name, "--reason", "it was meant to be stopped only for a while")
        resumed = self.stage.tminus(*words, "--key", self.stage.key("devops_lead"))
        assert resumed.returncode == 0, resumed.stderr

    def incidents(self) -> list[dict[str, JsonValue]]:
        """The launch's pages."""
        found = self._pagerduty("GET", "incidents").json()["incidents"]
        return [one for one in found if self.launched.name in str(one["incident_key"])]

    def paged(self, words: str) -> JsonValue:
        """The id of the page that says so."""
        return next((one["id"] for one in self.incidents() if words in str(one["title"])), None)

    def note(self, incident: JsonValue, content: str) -> None:
        """The DevOps lead writes a note in PagerDuty's app."""
        self._pagerduty("POST", "notes", {"incident": incident, "user": "PPERSON02", "content": content})

    def _pagerduty(self, method: str, path: str, body: JsonValue = None) -> httpx.Response:
        estate = self.stage.estate
        trust = ssl.create_default_context(cafile=str(estate.documents.certificates / "ca.pem"))
        with httpx.Client(verify=trust, trust_env=False) as client:
            url = f"https://{HOST}:{estate.ports.pagerduty}/_control/{path}"
            return client.request(method, url, json=body).raise_for_status()


@contextmanager
def buttons_of(stage: Stage, launched: Launched) -> Iterator[Buttons]:
    """The buttons of this launch's runs."""
    api = stage.estate.servers.addresses.prefect.api_url
    with httpx.Client(base_url=api, trust_env=False, timeout=30) as client:
        yield Buttons(stage, launched, client)


def press_all(buttons: Buttons) -> None:
    """Resume, Suspend and Cancel while the gate waits: none decides anything; two hold, once each, and it waits again.

    That is so also where another run takes over at once.
    """
    wait_for(lambda: GATE in buttons.launched.record().asks, "the go/no-go is asked")
    wait_for(buttons.waits, "its run shows Paused")
    first = buttons.conducting()
    resume_looks_again(buttons, first)
    second = suspend_holds(buttons, first)
    cancel_holds_and_pages(buttons, second)


def resume_looks_again(buttons: Buttons, run: str) -> None:
    """Whoever presses it, and however often, the gate waits on under the same run, and says for whom and where."""
    for number in range(3):
        state = buttons.state(run)
        assert "DevOps lead" in str(state["message"])
        assert f"in Slack or by tminus approve {buttons.launched.name}" in str(state["message"])
        if number:
            wait_for(lambda: buttons.resume(run), "Resume is taken")
            wait_for(lambda before=state["id"]: buttons.waits() and buttons.state(run)["id"] != before, "it is Paused")
    assert buttons.conducting() == run
    assert buttons.held() == []


def suspend_holds(buttons: Buttons, run: str) -> str:
    """T-0's run takes over at once, and shows why it is held; Resume there lets nothing go. Returns that run."""
    buttons.suspend(run)
    wait_for(lambda: buttons.conducting() != run, "another run takes over")
    [why] = buttons.held()
    assert f"was suspended in Prefect (run {run}); nothing begins until somebody resumes it" in why
    assert buttons.state(run)["name"] == "Suspended"
    wait_for(lambda: buttons.shown("Paused", "suspended in Prefect"), "that one shows why it is held")
    wait_for(lambda: buttons.shown("Paused", f"tminus resume {buttons.launched.name}"), "and what lets it go on")
    other = buttons.conducting()
    wait_for(lambda: buttons.resume(other), "Resume is taken")
    wait_for(lambda: buttons.shown("Paused", "suspended in Prefect"), "it is held all the same, and shown so again")
    buttons.let_go()
    wait_for(buttons.waits, "the gate is asked under that run")
    return other


def cancel_holds_and_pages(buttons: Buttons, run: str) -> None:
    """On-call is paged, and a note on that page is one more hold; resumed, another run asks on."""
    buttons.cancel(run)
    wait_for(lambda: len(buttons.held()) == 2, "it is held")
    assert f"was cancelled in Prefect (run {run})" in buttons.held()[1]
    wait_for(lambda: buttons.paged("cancelled in Prefect") is not None, "on-call is paged")
    buttons.note(buttons.paged("cancelled in Prefect"), "hold, I look at it")
    told = "tminus: Recorded: DevOps lead holds"
    wait_for(lambda: told in json.dumps(buttons.incidents()), "the gateway took the signed note, and answers on it")
    ordered = [one for one in buttons.launched.record().events if isinstance(one, ev.Ordered) and one.order == "hold"]
    assert [(one.person, one.via, one.reason) for one in ordered] == [("devops-lead", "pagerduty", "I look at it")]
    buttons.let_go()
    wait_for(buttons.waits, "a third run asks")
