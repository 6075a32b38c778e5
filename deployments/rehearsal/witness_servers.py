"""How often the servers themselves refused to let somebody in: PostgreSQL by its log, Redis by its own."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import redis
from pydantic import SecretStr

JSON_LOG = (
    "logging_collector = on",
    "log_destination = 'jsonlog'",
    "log_directory = 'log'",
    "log_filename = 'server-%Y%m%d-%H%M%S'",
    "log_rotation_size = '2MB'",
)
"""PostgreSQL's settings, by which it writes what is read here."""
_MOST = 100_000  # entries of Redis' log of refusals
_INVALID_PASSWORD, _INVALID_AUTHORIZATION = "28P01", "28000"


def refused_by_postgres(data: Path) -> Counter[str]:
    """How often each user was not let in, by the log in this folder of data.

    `password authentication failed` has the code 28P01, `is not permitted to log in` 28000. Source: PostgreSQL's
    appendix of error codes.
    """
    refused: Counter[str] = Counter()
    for path in sorted((data / "log").glob("*.json")):
        with path.open(encoding="utf-8") as lines:
            refused.update(_refused(lines))
    return refused


def _refused(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        said = json.loads(line)
        if said.get("error_severity") == "FATAL" and said.get("state_code") in {
            _INVALID_PASSWORD,
            _INVALID_AUTHORIZATION,
        }:
            yield str(said.get("user", ""))


def prepare_redis(url: SecretStr) -> None:
    """Has Redis keep as many of its refusals as a run can make (it keeps 128 otherwise), and forget the earlier."""
    with redis.Redis.from_url(url.get_secret_value()) as client:
        client.config_set("acllog-max-len", _MOST)
        client.acl_log_reset()


def refused_by_redis(url: SecretStr) -> Counter[str]:
    """How often each user was not let in, by ACL LOG, which counts what is alike within a minute in one entry."""
    with redis.Redis.from_url(url.get_secret_value()) as client:
        entries = client.acl_log(_MOST)  # ten, where nobody says how many
    refused: Counter[str] = Counter()
    for entry in entries:
        if entry["reason"] == "auth":
            refused[str(entry["username"])] += int(entry["count"])
    return refused


def differences(witnessed: Counter[str], counted: Counter[str], users: Iterable[str]) -> dict[str, int]:
    """Of these users those whose refusals the two count differently: how many more the servers count than the witness.

    A user who is in neither count, or equally in both, is not in it.
    """
    apart = {user: counted[user] - witnessed[user] for user in set(users)}
    return {user: more for user, more in sorted(apart.items()) if more}
