"""A key that signs tokens for bench.rotation_kill: whoever verifies them caches the set, and S3 is asked what is in it.

The bucket is moto's; the site before it (bench.rotation_jwks) says for how long the set may be cached.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench import rotation_keys
from bench.rotation_kill_outside import Fields, Outside, Section
from bench.rotation_place import Place
from deployments.rehearsal.addresses import HOST, plain
from deployments.rehearsal.ports import free_port
from deployments.rehearsal.readiness import port_open
from deployments.rehearsal.witness_doors import TurnedAway
from deployments.rehearsal.witness_secrets import Held
from deployments.rehearsal.witness_tokens import Tokens

_MAX_AGE = 1  # seconds for which the set may be cached
_READS_EVERY = 0.5  # seconds within which the watcher reads the secret again, on a busy machine too


class Signer(Outside):
    """One key.

    Args:
        at: where S3 is.
        site: the address at which what is in the bucket is fetched.
        aws: what the environment file says of S3.
        name: the key's.
        witness: signs and verifies.
    """

    def __init__(self, at: Place, site: str, aws: Mapping[str, str], name: str, witness: Tokens) -> None:
        self._at, self._name, self._witness = at, name, witness
        rotation_keys.make_keys(at, [name])
        self.first: Fields = at.current(name)
        self.entry: Section = rotation_keys.policy(name, _READS_EVERY) | {"max_cache": f"{_MAX_AGE} s"}
        self.sections: Section = {
            "buckets": {"keys": {**aws, "bucket": at.aws.address.bucket}},
            "endpoints": {"site": {"url": site}},
        }

    def opens(self, fields: Fields) -> bool | None:
        """See Outside: a token of it is verified by somebody who caches the set, and so is the oldest still valid."""
        try:
            self._witness.sign_and_verify(Held("", fields, time.monotonic()))
        except TurnedAway as e:
            return None if e.kind == "unreachable" else False
        return True

    def alive(self, fields: Fields) -> bool | None:
        """See Outside: the set in the bucket has it."""
        return fields["kid"] in rotation_keys.published_ids(self._at, self._name)

    def unknown(self, known: Sequence[Fields]) -> int:
        """See Outside: keys of the set in the bucket."""
        return len({*rotation_keys.published_ids(self._at, self._name)} - {one["kid"] for one in known})


@contextmanager
def signer(at: Place, site: str, aws: Mapping[str, str], name: str) -> Iterator[Signer]:
    """One key, whose tokens are verified while the block lasts."""
    witness = Tokens(f"{site}/{name}.json", rotation_keys.TOKEN_LIVES)
    try:
        yield Signer(at, site, aws, name, witness)
    finally:
        witness.close()


def start_site(at: Place) -> str:
    """Starts the site among the servers; its address."""
    aws, port = at.aws.address, free_port()
    argv = [sys.executable, "-m", "bench.rotation_jwks", str(port), aws.url, aws.bucket, str(_MAX_AGE)]
    environment = plain(aws.environment())
    at.processes.start("sets of keys", argv, env=environment, log=at.folder / "sets.log", ready=port_open(port))
    return f"http://{HOST}:{port}"
