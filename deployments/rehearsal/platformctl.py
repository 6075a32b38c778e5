"""The instance platform's command line; imports the standard library alone, so that it starts in a few milliseconds.

Each verb prints one JSON line. Exit status: 0 done · 1 refused, nothing changed · 2 usage · 3 absent · 4 in progress ·
5 unknown (the platform does not answer, or not as it was told) · 6 fenced off by a newer token, nothing changed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time

DONE, REFUSED, USAGE, ABSENT, IN_PROGRESS, UNKNOWN, FENCED = range(7)
STATUS_WORDS = {
    DONE: "done",
    REFUSED: "refused",
    ABSENT: "absent",
    IN_PROGRESS: "in_progress",
    UNKNOWN: "unknown",
    FENCED: "fenced",
}
HTTP_OK, HTTP_CONFLICT = 200, 409
POLL_S = 0.1
IMAGE = ("version", "artifact_digest", "config_digest")


class UnreachableError(Exception):
    """The platform gave no answer; ``sent`` says whether the request may have reached it."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    arguments = _parser().parse_args(argv)
    if not arguments.url:
        print("the platform's address is not known: set PLATFORM_URL or give --url", file=sys.stderr)
        return USAGE
    try:
        status, detail = {"roll-out": _roll_out, "probe": _probe, "retire": _retire}[arguments.verb](arguments)
    except UnreachableError as error:
        status, detail = UNKNOWN, {"error": str(error)}
    print(json.dumps({"status": STATUS_WORDS[status], "pool": arguments.pool, **detail}))
    return status


def call(url: str, method: str, path: str, body: str = "", timeout: float = 5.0) -> tuple[int, dict[str, object]]:
    """Status and JSON object answered by the platform; raises ``UnreachableError``.

    HTTP/1.0 over a plain socket: importing ``http.client`` takes longer than the whole call.
    """
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    content = body.encode()
    head = (
        f"{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    try:
        connection = socket.create_connection((host, int(port or 80)), timeout=timeout)
    except (OSError, ValueError) as error:
        raise UnreachableError(f"no connection to the platform at {url}: {error}", sent=False) from error
    try:
        with connection:
            connection.sendall(head.encode() + content)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        top, _, payload = answer.partition(b"\r\n\r\n")
        document = json.loads(payload)
        return int(top.split()[1]), document if isinstance(document, dict) else {}
    except (OSError, ValueError, IndexError) as error:
        raise UnreachableError(f"no usable answer from the platform at {url}: {error}", sent=True) from error


def judge(pool: dict[str, object], wanted: dict[str, object]) -> int:
    """``DONE``, ``IN_PROGRESS`` or ``ABSENT``: how far ``pool`` (as the platform shows it) is from ``wanted``.

    ``wanted`` holds an image and, where known, ``instances``; fields left out are not compared.
    """
    rollout, instances = pool.get("rollout"), pool.get("instances")
    if not isinstance(rollout, dict) or not isinstance(instances, list):
        return ABSENT
    if any(rollout.get(name) != value for name, value in wanted.items()):
        return ABSENT
    image = {name: rollout.get(name) for name in IMAGE}
    settled = [one for one in instances if one["state"] == "ready" and all(one[name] == image[name] for name in IMAGE)]
    return DONE if len(settled) == len(instances) == rollout.get("instances") else IN_PROGRESS


def _roll_out(arguments: argparse.Namespace) -> tuple[int, dict[str, object]]:
    wanted = _wanted(arguments)
    body = json.dumps(wanted if arguments.token is None else {**wanted, "token": arguments.token})
    try:
        status, pool = call(arguments.url, "PUT", f"/pools/{arguments.pool}", body)
    except UnreachableError as error:
        if error.sent:
            raise
        return ABSENT, {"error": str(error)}  # a request that never left changed nothing; what comes after it may have
    if status != HTTP_OK:
        return FENCED if status == HTTP_CONFLICT else REFUSED, pool
    applied = pool.get("applied")
    deadline = time.monotonic() + arguments.wait
    while (found := judge(pool, wanted)) == IN_PROGRESS and time.monotonic() < deadline:
        time.sleep(POLL_S)
        pool = _shown(arguments)
    return UNKNOWN if found == ABSENT else found, {**pool, "applied": applied}


def _probe(arguments: argparse.Namespace) -> tuple[int, dict[str, object]]:
    pool = _shown(arguments)
    return judge(pool, _wanted(arguments)), pool


def _retire(arguments: argparse.Namespace) -> tuple[int, dict[str, object]]:
    query = "" if arguments.token is None else f"?token={arguments.token}"
    status, pool = call(arguments.url, "DELETE", f"/pools/{arguments.pool}{query}")
    if status != HTTP_OK:
        return FENCED if status == HTTP_CONFLICT else REFUSED, pool
    deadline = time.monotonic() + arguments.wait
    while pool.get("instances") and time.monotonic() < deadline:
        time.sleep(POLL_S)
        pool = _shown(arguments)
    return IN_PROGRESS if pool.get("instances") else DONE, pool


def _shown(arguments: argparse.Namespace) -> dict[str, object]:
    """The pool as the platform shows it; raises ``UnreachableError`` where it shows none."""
    status, pool = call(arguments.url, "GET", f"/pools/{arguments.pool}")
    if status != HTTP_OK:
        raise UnreachableError(f"the platform at {arguments.url} shows no pool: status {status} {pool}", sent=True)
    return pool


def _wanted(arguments: argparse.Namespace) -> dict[str, object]:
    given = {name: getattr(arguments, name) for name in (*IMAGE, "instances")}
    return {name: value for name, value in given.items() if value is not None}


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--url", default=argparse.SUPPRESS, help="default: PLATFORM_URL")
    common.add_argument("--pool", required=True)
    changing = argparse.ArgumentParser(add_help=False)
    changing.add_argument("--token", type=int, help="fencing token")
    changing.add_argument("--wait", type=float, default=20.0, help="seconds to wait until it is done")
    parser = argparse.ArgumentParser(prog="platformctl", description=__doc__)
    parser.add_argument("--url", default=os.environ.get("PLATFORM_URL"), help="default: PLATFORM_URL")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, parents, mandatory in (("roll-out", [common, changing], True), ("probe", [common], False)):
        sub = verbs.add_parser(verb, parents=parents)
        sub.add_argument("--version", required=True)
        sub.add_argument("--artifact-digest", required=mandatory)
        sub.add_argument("--config-digest", required=mandatory)
        sub.add_argument("--instances", type=int, required=mandatory)
    verbs.add_parser("retire", parents=[common, changing])
    return parser


if __name__ == "__main__":
    sys.exit(main())
