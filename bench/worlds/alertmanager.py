"""Vatic's Alertmanager: a tree of routes, three receivers and one that swallows, and a sink for test alerts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from pydantic import JsonValue

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.alertmanager import AlertmanagerFake, AlertSink, Silence

CONFIGURATION = """\
route:
  receiver: "null"
  group_by: [alertname]
  group_wait: 10s
  repeat_interval: 12h
  routes:
  - receiver: audit
    matchers: [severity=~"critical|warning"]
    continue: true
  - receiver: pagerduty
    matchers: [severity="critical"]
    repeat_interval: 1h
    continue: false
    routes:
    - receiver: security
      match: {team: security}
      continue: false
  - receiver: slack
    match_re: {severity: warning|info}
    continue: false
receivers:
- name: "null"
- name: audit
  webhook_configs: [{url: <secret>}]
- name: pagerduty
  pagerduty_configs: [{routing_key: <secret>}]
  slack_configs: [{api_url: <secret>, channel: '#incidents'}]
- name: security
  pagerduty_configs: [{routing_key: <secret>}]
- name: slack
  slack_configs: [{api_url: <secret>, channel: '#alerts'}]
templates: []
"""
_CRITICAL: dict[str, JsonValue] = {"alertname": "ServiceDown", "severity": "critical"}
_EMPTY = "- name: pagerduty\n- name: no longer routed to\n"
_TREE = "  - receiver: pagerduty\n    matchers: [severity="


class AlertmanagerWorld(World):
    """One Alertmanager, and where its notifications arrive."""

    system: ClassVar[str] = "alertmanager"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "alertmanager.route",
            {"labels": _CRITICAL, "to": "pagerduty"},
            {
                "receiver": "= pagerduty",
                "integrations": "= 2",
                "repeats": "<= 1 h",
                "receivers": "= 2",
                "waits": "<= 30 s",
                "muted": "= 0",
            },
            (
                "routed_elsewhere",
                "swallowed_before",
                "receiver_emptied",
                "receiver_unknown",
                "repeated_daily",
                "held_back",
                "muted_at_night",
            ),
        ),
        Case(
            "alertmanager.route",
            {"labels": _CRITICAL, "to": "pagerduty"},
            {"integrations": ">= 1"},
            ("routed_elsewhere", "receiver_emptied", ("notifies_nobody", "pagerduty")),
        ),
        Case(
            "alertmanager.route",
            {"labels": {**_CRITICAL, "team": "security"}, "to": "security"},
            {"receiver": "= security", "repeats": "= 1 h"},
            ("repeated_daily",),
        ),
        Case(
            "alertmanager.route",
            {"labels": {"alertname": "Slow", "severity": "info"}},
            {"receiver": "= slack"},
            ("everything_to_one",),
        ),
        Case(
            "alertmanager.delivery",
            {"labels": _CRITICAL, "sink": "alert-sink", "sink_path": "/received", "within": "500 ms"},
            {"delivered": "< 5 s"},
            ("lost",),
        ),
        Case("alertmanager.silences", {}, {"silences": "= 0"}, ("silenced", "silenced_forever")),
        Case("alertmanager.silences", {}, {"forever": "= 0"}, ("silenced_forever",)),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sink = AlertSink()
        self.alertmanager = AlertmanagerFake(self.sink, "made-up-for-this-world", CONFIGURATION)
        self.alertmanager.silences.append(Silence("alertname", "KafkaConsumerLag", timedelta(days=-1)))
        self._url = self._sink_url = ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serves the fake and the sink."""
        with served(self.alertmanager.app()) as self._url, served(self.sink.app()) as self._sink_url:
            yield

    def sections(self) -> Sections:
        """Its address and token, and the sink."""
        return {
            "alertmanager": {"url": self._url, "token": "env:WORLD_ALERTMANAGER_TOKEN"},
            "endpoints": {"alert-sink": {"url": self._sink_url}},
        }

    def secrets(self) -> dict[str, str]:
        """The token."""
        return {"WORLD_ALERTMANAGER_TOKEN": self.alertmanager.token}

    @contextmanager
    def _configured(self, before: str, after: str) -> Iterator[None]:
        changed = CONFIGURATION.replace(before, after, 1)
        if changed == CONFIGURATION:
            raise ValueError(f"{before!r} is not in the configuration")
        with patch.object(self.alertmanager, "configuration", changed):
            yield

    @fault
    def routed_elsewhere(self) -> Iterator[None]:
        """A typing slip in the matcher: critical alerts fall through to the receiver that swallows."""
        with self._configured(f'{_TREE}"critical"]', f'{_TREE}"crtical"]'):
            yield

    @fault
    def swallowed_before(self) -> Iterator[None]:
        """A route that was added on top takes every alert and ends the walk."""
        with self._configured("  routes:\n", "  routes:\n  - receiver: 'null'\n    matchers: [alertname!='']\n"):
            yield

    @fault
    def everything_to_one(self) -> Iterator[None]:
        """The first route takes everything, and does not go on."""
        with self._configured('matchers: [severity=~"critical|warning"]\n    continue: true', "continue: false"):
            yield

    @fault
    def receiver_emptied(self) -> Iterator[None]:
        """The receiver is there, and notifies nobody."""
        with self._configured("- name: pagerduty\n  pagerduty_configs: [{routing_key: <secret>}]\n", _EMPTY):
            yield

    @fault
    def notifies_nobody(self, receiver: str) -> Iterator[None]:
        """The receiver of that name is there, and another one has what it notified."""
        with self._configured(f"- name: {receiver}\n", f"- name: {receiver}\n- name: {receiver}-before\n"):
            yield

    @fault
    def receiver_unknown(self) -> Iterator[None]:
        """The receiver was renamed, and no integration has the name that the route uses."""
        with self._configured("- name: pagerduty\n", "- name: pager-duty\n"):
            yield

    @fault
    def repeated_daily(self) -> Iterator[None]:
        """What nobody answers comes back a day later."""
        with self._configured("repeat_interval: 1h", "repeat_interval: 1d"):
            yield

    @fault
    def held_back(self) -> Iterator[None]:
        """First notifications wait for five minutes."""
        with self._configured("group_wait: 10s", "group_wait: 5m"):
            yield

    @fault
    def muted_at_night(self) -> Iterator[None]:
        """The route is muted in an interval of the day."""
        with self._configured(
            "    repeat_interval: 1h\n", "    repeat_interval: 1h\n    mute_time_intervals: [nights]\n"
        ):
            yield

    @fault
    def lost(self) -> Iterator[None]:
        """Alerts are accepted, and arrive nowhere."""
        with patch.object(self.alertmanager, "delivers", new=False):
            yield

    @fault
    def silenced(self) -> Iterator[None]:
        """Somebody silenced every critical alert for an hour."""
        with self._also(Silence("severity", "critical", timedelta(hours=1))):
            yield

    @fault
    def silenced_forever(self) -> Iterator[None]:
        """A silence ends next year."""
        with self._also(Silence("alertname", "HighLatency", timedelta(days=365))):
            yield

    @contextmanager
    def _also(self, silence: Silence) -> Iterator[None]:
        with patch.object(self.alertmanager, "silences", [*self.alertmanager.silences, silence]):
            yield
