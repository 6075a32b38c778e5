"""`tminus gateway`: it starts with what it needs, and says what it lacks."""

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest
from pydantic import SecretStr

from deployments.rehearsal.in_thread import served
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.slack_stand_in import SlackStandIn
from deployments.rehearsal.slack_workspace import Directory
from tests.cli.launch_desk import ROOT, SECRET, Desk, change_environment, refused, tminus, with_slack
from tests.tminus.slack_room import eventually


def test_a_gateway_without_its_secret(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's signing secret is named by its reference; no port is opened."""
    port = free_port()
    with_slack(desk, port)
    monkeypatch.delenv("SIGNING", raising=False)
    assert "env:SIGNING" in refused(tminus("gateway", "--environment", str(desk.path("environment"))))


def test_a_gateway_whose_port_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is named, and what to change."""
    monkeypatch.setenv("SIGNING", SECRET)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        with_slack(desk, port)
        said = refused(tminus("gateway", "--environment", str(desk.path("environment"))))
    assert f"127.0.0.1:{port}" in said
    assert "probably a gateway runs there already; else choose another gateway.port" in said


def test_a_gateway_whose_people_cannot_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before it runs, and not when somebody wants to stop a drill; no port is opened."""
    monkeypatch.setenv("SIGNING", SECRET)
    with_slack(desk, free_port())
    change_environment(desk, drills={"lever": ["devops_lead"]})
    files = ["--environment", str(desk.path("environment")), "--people", str(desk.folder / "nobody.yaml")]
    assert "nobody.yaml" in refused(tminus("gateway", *files))


def test_prefect_is_where_the_file_says(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog asks that one for runs, and secrets in its blocks are read there, whatever else is set."""
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere.example/api")
    with_slack(desk, free_port())
    refused(tminus("gateway", "--environment", str(desk.path("environment"))))
    assert f"api: {os.environ['PREFECT_API_URL']}" in desk.path("environment").read_text("utf-8")


@pytest.mark.long
def test_without_slack_the_rest_runs(desk: Desk) -> None:
    """Courier and watchdog, health and metrics: only the door to Slack is left out."""
    port = free_port()
    change_environment(desk, gateway={"host": "127.0.0.1", "port": port})
    argv = [sys.executable, "-m", "cli.main", "gateway", "--environment", str(desk.path("environment"))]
    with (
        subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as client,
    ):
        try:
            assert answered(client, process, "/ready").status_code == 200
            assert client.post("/slack/interactions").status_code == 404
            assert "tminus_watchdog_failures_total 0" in client.get("/metrics").text
        finally:
            process.terminate()
            _, said = process.communicate(timeout=20)
    assert said == ""


@pytest.mark.long
def test_with_an_app_token_it_opens_a_connection_and_no_door(desk: Desk) -> None:
    """Socket Mode wants no public door and no signing secret; told to end, it says nothing and is gone."""
    port, stand_in = free_port(), SlackStandIn(SecretStr("xoxb-1"), Directory(), app_token=SecretStr("xapp-1"))
    with served(stand_in.app(), websockets=True) as url:
        slack = {"channel": "C0LAUNCHES", "token": "env:TOKEN", "app_token": "env:APP_TOKEN", "api": f"{url}/api/"}
        change_environment(desk, slack=slack, gateway={"host": "127.0.0.1", "port": port})
        argv = [sys.executable, "-m", "cli.main", "gateway", "--environment", str(desk.path("environment"))]
        known = {**os.environ, "TOKEN": "xoxb-1", "APP_TOKEN": "xapp-1"}
        with (
            subprocess.Popen(argv, cwd=ROOT, env=known, stderr=subprocess.PIPE, text=True) as process,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=5) as client,
        ):
            try:
                answered(client, process, "/ready")
                eventually(lambda: stand_in.sockets.connected == 1)
                eventually(lambda: "tminus_slack_socket_connected 1" in client.get("/metrics").text)
                assert client.get("/ready").status_code == 200
                assert [client.post(f"/slack/{door}").status_code for door in ("interactions", "commands")] == [404] * 2
            finally:
                process.terminate()
                _, said = process.communicate(timeout=20)
    assert (said, process.returncode, stand_in.sockets.connected) == ("", 0, 0)


def answered(client: httpx.Client, process: subprocess.Popen[str], path: str) -> httpx.Response:
    """The first answer that the process gives."""
    until = time.monotonic() + 60
    while True:
        try:
            return client.get(path)
        except httpx.TransportError:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
