"""The stand-ins, their doors, and what a staged launch refers to."""

from tests.tminus.conftest import (
    loopback_tls,
    pagerduty,
    pagerduty_door,
    pagerduty_settings,
    secrets,
    slack,
    slack_door,
    slack_settings,
)

__all__ = [
    "loopback_tls",
    "pagerduty",
    "pagerduty_door",
    "pagerduty_settings",
    "secrets",
    "slack",
    "slack_door",
    "slack_settings",
]
