"""Secrets rotated, on real servers, while clients log in with them at a steady rate: how many are refused.

    python -m bench.rotation [--rotations 200] [--full] [--secrets 50] [--sabotage overlap]

So many secrets (pairs of PostgreSQL logins, Redis users, signing keys) are rotated again and again as `tminus rotate
--due` does it, over PostgreSQL, Redis, a site with public keys and Secrets Manager (moto), while witnesses, which share
no code with tminus, open new log-ins with whatever AWSCURRENT gives, never trying twice, and keep pools open.
Days are seconds here; a client holds what it read for a second, so the overlap is three. Some secrets are used by a
batch, which holds them longer than the overlap. In the same run, at the same rate for each secret, others are rotated
as most do it: one user, whose password is changed.

Each figure is a line of JSON; exit code 1 where one does not hold. Every refusal that a witness counted is compared
with the servers' own logs.

`--sabotage` switches one mechanism off; a figure must not hold then:
- overlap: the old value goes when the new one is current: log-ins are refused.
- grants: the new login is no member of the owner role, and is not tested: rights are lost.
- settles: a new signing key signs before every cache can have its public half: its tokens are refused.
- census: nobody asks who still uses the old value: the batch is refused. With `--secrets 10 --rotations 40 --rate 30`:
  of more secrets each is visited so seldom that the batch has read the new value before the old one is off.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from bench.approvals_figure import Figure
from bench.rotation_course import Course
from bench.rotation_figures import figures
from bench.rotation_left import dead, orphans, roles
from bench.rotation_naive import Naive
from bench.rotation_place import Place, place
from bench.rotation_rights import Rights, all_rights, lost
from bench.rotation_sabotage import SABOTAGES
from bench.rotation_secrets import BRIEF, Mix, Secrets, Times, make, told
from bench.rotation_witnesses import Witnesses, counted_apart
from tasks.rotators import postgres_users, redis_user

_SHOWN = 20  # lines of what went wrong
_A_ROTATION = 3.5  # seconds that one may take; a run that needs longer is ended


def main(words: Sequence[str] | None = None) -> int:
    """Prints one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rotations", type=int, default=200)
    parser.add_argument("--full", action="store_true", help="1,000 rotations")
    parser.add_argument("--secrets", type=int, default=50, help="that tminus rotates")
    parser.add_argument("--rate", type=float, default=112.0, help="log-ins a second; the goal is 100 at most")
    parser.add_argument("--brief", action="store_true", help="shorter times, for a look")
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="switch a mechanism off")
    given = parser.parse_args(words)
    if given.sabotage:
        SABOTAGES[given.sabotage]()
    mix, times = Mix.of(given.secrets, given.rate), BRIEF if given.brief else Times()
    with tempfile.TemporaryDirectory(prefix="tminus-bench-") as folder:
        Path(folder).chmod(0o711)
        # an hour until a login's sessions are looked at again is a second here, as days are
        second = timedelta(seconds=1)
        with (
            patch.object(postgres_users, "_AGAIN", second),
            patch.object(redis_user, "_AGAIN", second),
            place(Path(folder), with_site=mix.jwt > 0) as at,
        ):
            found = _run(at, mix, times, 1000 if given.full else given.rotations)
    for figure in found:
        print(figure.line(), flush=True)
    return 0 if all(figure.holds for figure in found) else 1


def _run(at: Place, mix: Mix, times: Times, rotations: int) -> list[Figure]:
    secrets = make(at, mix, times)
    tell(told(mix, times))
    before, roles_before = _rights(at, secrets), roles(at)
    witnesses = Witnesses(at, secrets.plan)
    started = time.monotonic()
    with witnesses.running(), Naive(at, secrets.naive, times.naive_every) as naive:
        time.sleep(times.settles)
        course = asyncio.run(_rotated(secrets, rotations))
        time.sleep(times.settles)
    tell(f"{course.rotated.total()} rotations and {naive.rotations} naive ones in {time.monotonic() - started:.0f} s")
    seen = witnesses.say()
    left = {
        "orphan_users": list(orphans(at, secrets, roles_before)),
        "lost_grants": lost(before, _rights(at, secrets)),
        "dead_credentials": list(dead(at, secrets)),
    }
    apart = counted_apart(at, seen, secrets.people())
    for line in [*course.trouble, *(f"{what}: {one}" for what, some in left.items() for one in some)][:_SHOWN]:
        tell(line)
    return figures(secrets, course, seen, apart, {what: len(some) for what, some in left.items()}, rotations)


async def _rotated(secrets: Secrets, rotations: int) -> Course:
    with closing(secrets.opened.store()) as store:
        course = Course(store, secrets.opened, rotations)
        await course.run(within=60 + rotations * _A_ROTATION)
    return course


def _rights(at: Place, secrets: Secrets) -> dict[str, Rights]:
    logins = {name: at.current(name)["username"] for name in secrets.logins}
    return all_rights(at, logins, {name: name for name in secrets.users})


def tell(line: str) -> None:
    """For people, who see the figures afterwards."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
