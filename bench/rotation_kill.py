"""Rotations killed with SIGKILL before, inside and after each verb, and failures in their place; gone on with, judged.

    python -m bench.rotation_kill [--only WORDS] [--random 6] [--seed 1] [--sabotage id|look|first|keep|back]

Each history is one secret's whole rotation by real processes of `tminus rotate`, on a ledger in a file, with Secrets
Manager by moto: two logins of a real PostgreSQL that take turns, keys of a fake vendor, which are made outside, a user
of a real Redis with two passwords, or a key that signs tokens, whose public half lies in S3 (moto) and is cached. One
process of it dies at a named point, or at a random time; or Secrets Manager answers 500 before or after its effect, or
not at all, from one call on; or PostgreSQL refuses connections, or hangs (SIGSTOP). Then the same command is started
again until it is over. All the while somebody reads the secret and logs in with it. What is counted is asked of
Secrets Manager, of pg_authid, of the vendor, of Redis and of S3, none of it of tminus:

- wrong_ends: not over, not as ordered, what is current does not open, or stages of Secrets Manager left over;
- refused_logins: what was current was refused;
- cut_off: what was current less than an overlap ago opened nothing any more;
- two_dead: neither what is current nor what was before it opened anything;
- unknown_credentials: credentials at the end that are not what is current.

`--sabotage` switches one mechanism off in the processes that are killed, and a figure must rise above 0. Each of these
ends within two minutes, with exit status 1:

    python -m bench.rotation_kill --random 0 --sabotage id --only "killed at sent PutSecretValue"
    python -m bench.rotation_kill --random 0 --sabotage first --only "killed at sent PutSecretValue"
    python -m bench.rotation_kill --random 0 --sabotage look --only "killed at sent UpdateSecretVersionStage AWSCURRENT"
    python -m bench.rotation_kill --random 0 --sabotage keep --only "killed at sent ACL SETUSER in off"
    python -m bench.rotation_kill --random 0 --sabotage back --only "recorded promote, killed at unrecorded back"
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_urlsafe

from bench.approvals_figure import Figure, none_of
from bench.rotation_kill_cases import Case, Server, cases
from bench.rotation_kill_front import Front
from bench.rotation_kill_history import Ended, History, Watcher
from bench.rotation_kill_outside import ENVIRONMENT_OF_VENDOR, ROTATOR, Logins, Outside, keys, make_rotator
from bench.rotation_kill_sabotage import MECHANISMS, Mechanism
from bench.rotation_kill_tokens import signer, start_site
from bench.rotation_kill_users import ADMIN as ADMIN_OF_REDIS
from bench.rotation_kill_users import Users
from bench.rotation_place import Place, place
from bench.worlds.byte_relay import ByteRelay
from deployments.rehearsal.addresses import HOST

_AT_ONCE = 4  # histories
_IMPORTED = ["bench.rotation_kill_cases", "bench.rotation_place", "bench.rotation_kill_victim"]


class Bench:
    """The servers, and histories on them.

    Args:
        at: the servers.
        front: what stands before Secrets Manager.
        aws: what environment files say of it.
        server: PostgreSQL as tminus finds it.
        site: the address of the site with public keys.
    """

    def __init__(self, at: Place, front: Front, aws: dict[str, str], server: Server, site: str) -> None:
        self._at, self._front, self._aws, self._server, self._site = at, front, aws, server, site

    def play(self, number: int, case: Case, sabotage: Mechanism | None) -> Ended:
        """One history, from its first value to its judgement."""
        name = f"kill{number:04d}"
        with self._outside(case.kind, name) as outside:
            history = History(
                self._at.folder / name, self._at.secrets, self._aws, outside, sabotage, overlap=case.overlap
            )
            watcher = Watcher(history.read, outside, case.overlap)
            with watcher.watching():
                try:
                    case.play(history, self._front, self._server)
                    ended = history.to_its_end(case.how)
                except (LookupError, TimeoutError) as e:
                    ended = Ended(wrong=str(e), kills=history.ended.kills)
        ended.seen = watcher.seen
        told = ended.wrong or f"{ended.kills} kills, {ended.seen.looks} looks"
        print(f"{case}: {told}, {ended.unknown} unknown, {vars(ended.seen)}", file=sys.stderr, flush=True)
        return ended

    @contextmanager
    def _outside(self, kind: str, name: str) -> Iterator[Outside]:
        match kind:
            case "logins":
                yield Logins(self._at, name)
            case "users":
                yield Users(self._at, name)
            case "tokens":
                with signer(self._at, self._site, {**self._aws, "endpoint": self._at.aws.address.url}, name) as made:
                    yield made
            case _:
                with keys() as vendor:
                    yield vendor


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """The block in which the servers run."""
    with place(folder, with_site=False) as at, ExitStack() as stack:
        front, relay = Front(at.aws.address.port), ByteRelay(at.postgres.address.port)
        url, port = stack.enter_context(front.running()), stack.enter_context(relay.running())
        password, database = token_urlsafe(16), at.postgres.address.database
        make_rotator(at, password)
        plain = at.postgres.address.dsn("tminus").get_secret_value().replace(str(at.postgres.address.port), str(port))
        os.environ |= {
            "TMINUS_KILL_DSN": plain,
            "TMINUS_KILL_ROTATOR": f"postgresql://{ROTATOR}:{password}@{HOST}:{port}/{database}",
            "TMINUS_KILL_KEY": at.aws.address.access_key_id,
            "TMINUS_KILL_SECRET": at.aws.address.secret_access_key.get_secret_value(),
            ADMIN_OF_REDIS: at.redis.address.dsn().get_secret_value(),
            **ENVIRONMENT_OF_VENDOR,
        }
        multiprocessing.get_context("forkserver").set_forkserver_preload(_IMPORTED)
        aws = {
            "region": at.aws.address.region,
            "endpoint": url,
            "access_key": "env:TMINUS_KILL_KEY",
            "secret_key": "env:TMINUS_KILL_SECRET",
        }
        yield Bench(at, front, aws, Server(relay, at.postgres.address.port, at.data), start_site(at))


def play_all(on: Bench, chosen: Sequence[Case], sabotage: Mechanism | None) -> list[Ended]:
    """Two at once; those that stop the server for everybody one after the other, at the end."""
    numbered = list(enumerate(chosen))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        together = [pool.submit(on.play, number, case, sabotage) for number, case in numbered if not case.alone]
        ended = [one.result() for one in together]
    return ended + [on.play(number, case, sabotage) for number, case in numbered if case.alone]


def figures(ended: Sequence[Ended]) -> Iterator[Figure]:
    """What they came to."""
    kills = sum(one.kills for one in ended)
    of = f"of {len(ended)} histories with {kills} kills"
    looks = sum(one.seen.looks for one in ended)
    yield Figure("rotation_kill.kills", kills, f"in {len(ended)} histories")
    yield none_of("rotation_kill.wrong_ends", sum(bool(one.wrong) for one in ended), of)
    yield none_of("rotation_kill.refused_logins", sum(one.seen.refused for one in ended), f"of {looks}")
    yield none_of("rotation_kill.cut_off", sum(one.seen.cut_off for one in ended), f"of {looks}")
    yield none_of("rotation_kill.two_dead", sum(one.seen.two_dead for one in ended), f"of {looks}")
    yield none_of("rotation_kill.unknown_credentials", sum(one.unknown for one in ended), of)


def main(argv: Sequence[str] | None = None) -> int:
    """Plays, counts, and says; 1 where a figure does not hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.rotation_kill")
    parser.add_argument("--only", default="", help="histories whose names have this in them")
    parser.add_argument("--random", type=int, default=6, help="histories of each kind, killed at random times")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--sabotage", choices=MECHANISMS)
    given = parser.parse_args(argv)
    chosen = [one for one in cases(given.random, given.seed) if given.only in str(one)]
    with tempfile.TemporaryDirectory(prefix="tminus-kill-") as folder, bench(Path(folder)) as on:
        ended = play_all(on, chosen, given.sabotage)
    told = list(figures(ended))
    for one in told:
        print(one.line(), flush=True)
    return 0 if ended and all(one.holds for one in told) else 1


if __name__ == "__main__":
    raise SystemExit(main())
