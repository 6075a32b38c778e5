"""The corruption gauntlet: backups damaged in every way, and good ones, from the taking to the verdict.

    python -m bench.backups_gauntlet [--only STORE …] [--good 1000] [--only-good] [--seed 1] [--at-once 2]
                                     [--sabotage contents|restored|anchor|files]

Each damage is done plainly, and once more with every size, hash and manifest made to agree with it: then only what was
counted from the live store is as it was. It counts as caught only where the verdict is `fail` and the aspect that is
promised tells it. Servers are real; S3 is moto's. The same damaged files are given to pg_restore --list,
pg_verifybackup, pg_amcheck and Redis' checkers.

`--sabotage` switches a mechanism off and plays the damages that it is there for: the figure must fall, and it exits 1.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.backups_gauntlet.damage import STORES, Came, damages
from bench.backups_gauntlet.jobs import Played, jobs, play, shared
from bench.backups_gauntlet.rivals import RIVALS
from bench.backups_gauntlet.sabotage import SABOTAGES

_KINDS = 40


def main(words: Sequence[str] | None = None) -> int:
    """Plays it; tables, then one JSON line a figure; 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=STORES, help="only this kind of store")
    parser.add_argument("--good", type=int, default=1000, help="how many good backups")
    parser.add_argument("--seed", type=int, default=1, help="of the good backups")
    parser.add_argument("--only-good", action="store_true", help="no damages")
    parser.add_argument("--at-once", type=int, default=2, help="processes")
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="switch this mechanism off")
    given = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that its processes end with it
    stores = given.only or STORES
    some = list(jobs(stores, given.good, given.seed, given.sabotage or "", damages=not given.only_good))
    with tempfile.TemporaryDirectory(prefix="gauntlet-") as folder:
        played = play(some, given.at_once, Path(folder))
    split = ", ".join(f"{count} {store}" for store, count in shared(stores, given.good).items())
    good = f"{len(played.alarms)} good backups ({split})" if played.alarms else "no good backups"
    many = f"{len(played.came)} plays of damages and {good}"
    print(f"\n{many}: {played.took:.0f} s, in which processors computed for {played.computed:.0f} s")
    if given.sabotage:
        return 0 if _caught(played) and not played.broke else 1
    for line in played.broke:
        print(f"!! {line}")
    if given.only_good:
        return 0 if _alarms(played, given.good) and not played.broke else 1
    _table(played.came)
    held = [_caught(played), _kinds(played, whole=not given.only), _passed(played)]
    held += [_alarms(played, given.good), *_rivals(played), not played.broke]
    return 0 if all(held) else 1


def _caught(played: Played) -> bool:
    harmful = [one for one in played.came if one.harmful]
    caught = sum(one.right for one in harmful)
    for one in harmful:
        if not one.right:
            print(f"not caught: {one.line.strip(' !')}\n    {one.summary}")
    return _figure("harmful_damages_caught", _share(caught, len(harmful)), "ratio", "= 1", caught == len(harmful) > 0)


def _kinds(played: Played, *, whole: bool) -> bool:
    """Of some stores only, there are fewer."""
    harmful = {one.kind for one in played.came if one.harmful}
    _figure("harmful_plays", sum(one.harmful for one in played.came), "plays", ">= 1", bool(harmful))
    return _figure("harmful_damage_kinds", len(harmful), "kinds", f">= {_KINDS}", len(harmful) >= _KINDS or not whole)


def _passed(played: Played) -> bool:
    harmless = [one for one in played.came if not one.harmful]
    for one in harmless:
        if not one.right:
            print(f"an alarm: {one.line.strip(' !')}\n    {one.summary}")
    wrong = sum(not one.right for one in harmless)
    return _figure("alarms_of_harmless_changes", wrong, f"of {len(harmless)}", "= 0", wrong == 0)


def _alarms(played: Played, wanted: int) -> bool:
    wrong = sum(bool(one.said) for one in played.alarms)
    holds = wrong == 0 and len(played.alarms) == wanted
    return _figure("false_alarms", wrong, f"of {len(played.alarms)} good backups", "= 0", holds)


def _rivals(played: Played) -> list[bool]:
    """For comparison: they have no goal."""
    for store, names in RIVALS.items():
        for name in names:
            asked = [one for one in played.came if one.store == store and name in one.rivals]
            harmful = [one for one in asked if one.harmful]
            if harmful:
                noticed = sum(one.rivals[name] for one in harmful)
                figure = name.replace(" --", "_").replace("-", "_")
                unit = f"ratio of {len(harmful)} plays of {store}"
                _figure(f"caught_by_{figure}", _share(noticed, len(harmful)), unit, "for comparison", holds=True)
                wrong = sum(one.rivals[name] for one in asked if not one.harmful)
                if wrong:
                    print(f"{name} calls {wrong} of {len(asked) - len(harmful)} harmless changes damage")
    return []


def _table(came: Sequence[Came]) -> None:
    """Who noticed what: `x` noticed, `.` did not, blank was not asked."""
    names = [name for some in RIVALS.values() for name in some]
    print(f"\n{'':4}{'':66}{'store':15}{'how':11}tminus  {'  '.join(names)}")
    order = {kind.__name__: number for number, kind in enumerate(damages())}

    def place(one: Came) -> tuple[bool, int, int, str]:
        return not one.harmful, STORES.index(one.store), order.get(one.kind, 0), one.mode

    for one in sorted(came, key=place):
        marks = "  ".join(f"{_mark(one.rivals.get(name)):^{len(name)}}" for name in names)
        title = one.title if len(one.title) <= 64 else f"{one.title[:63]}…"
        sort = "" if one.harmful else "ok"
        print(f"{sort:4}{title:66}{one.store:15}{one.mode:11}{_mark(_noticed(one)):^6}  {marks}")
    print()


def _noticed(one: Came) -> bool:
    return one.right if one.harmful else not one.right


def _mark(said: bool | None) -> str:
    return "" if said is None else "x" if said else "."


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _figure(name: str, value: float, unit: str, goal: str, holds: bool) -> bool:
    print(json.dumps({"figure": name, "value": value, "unit": unit, "goal": goal, "holds": holds}), flush=True)
    return holds


if __name__ == "__main__":
    sys.exit(main())
