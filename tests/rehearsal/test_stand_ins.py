"""The stand-ins as processes, as the rehearsal starts them."""

import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pagerduty
from slack_sdk import WebClient

ROUTING_KEY = "0123456789abcdef0123456789abcdef"


class TestProcesses:
    """The stand-ins as the rehearsal starts them."""

    def test_both_start_serve_record_and_end_on_sigterm(self, tmp_path: Path) -> None:
        """The address is the first line of output, and every call is in the record file when it was answered."""
        workspace, schedule = tmp_path / "workspace.json", tmp_path / "schedule.json"
        workspace.write_text(json.dumps({"channels": [{"id": "C0ANOTHER", "name": "another"}]}), encoding="utf-8")
        schedule.write_text(json.dumps({"users": []}), encoding="utf-8")
        record = tmp_path / "slack.jsonl"
        keys = {"SLACK_BOT_TOKEN": "xoxb-p", "PAGERDUTY_ROUTING_KEY": ROUTING_KEY, "PAGERDUTY_API_TOKEN": "t"}
        slack = start("slack_stand_in", keys, "--record", str(record), "--workspace", str(workspace))
        tls = tmp_path / "tls"
        duty = start("pagerduty_stand_in", keys, "--schedule", str(schedule), "--tls", str(tls))
        try:
            slack_url, duty_url = address(slack), address(duty)
            WebClient(token="xoxb-p", base_url=f"{slack_url}/api/").chat_postMessage(channel="#another", text="x")
            trust = ssl.create_default_context(cafile=tls / "ca.pem")
            with pagerduty.RestApiV2Client("t", base_url=duty_url, verify=trust) as rest:
                assert rest.rget("abilities")
            assert json.loads(record.read_text(encoding="utf-8"))["body"]["channel"] == "#another"
        finally:
            ends = [end(process) for process in (slack, duty)]
        assert ends == [-signal.SIGTERM, -signal.SIGTERM]
        assert (tls / "server-key.pem").stat().st_mode & 0o077 == 0

    def test_without_its_credential_it_does_not_start(self) -> None:
        """The message names the variable."""
        process = start("slack_stand_in", {"SLACK_BOT_TOKEN": ""})
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "SLACK_BOT_TOKEN is not set" in errors


def start(module: str, environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    """Start one stand-in on a free port."""
    return subprocess.Popen(
        [sys.executable, "-m", f"deployments.rehearsal.{module}", "--port", "0", *arguments],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address(process: "subprocess.Popen[str]") -> str:
    """The first line of a stand-in's output."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: "subprocess.Popen[str]") -> int:
    """Send SIGTERM and wait."""
    process.terminate()
    process.communicate(timeout=20)
    return process.returncode
