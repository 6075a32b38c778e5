"""What people do beside a rotation: they answer as soon as they are asked, and close the calendar."""

import os
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from time import sleep

from click.testing import CliRunner, Result

from cli.main import main
from tests.flows.rotations.room import Room
from tminus.asking import how_to_answer
from tminus.chain_names import is_rotation_asked
from tminus.clock import now
from tminus.ledger.logbook import Logbook
from tminus.rotations.papers import ASK

Tminus = Callable[..., Result]
"""`tminus …`, as the fixture of that name plays it."""
WHY = ("--reason", "it leaked")
_TRIES = 400  # of 20 ms


def answer_when_asked(room: Room, person: str, word: str) -> None:
    """Says `approve` or `reject` to the first question that is open; raises AssertionError where none comes."""
    for _ in range(_TRIES):
        with closing(room.store()) as store:
            for chain in filter(is_rotation_asked, store.chains()):
                ask = Logbook(store, chain).refresh().asks.get(ASK)
                if ask is not None and ask.ended is None:
                    _say(room, person, word, how_to_answer(chain, ask.opened))
                    return
        sleep(0.02)
    raise AssertionError("nobody was asked")


def answer_last_asked(room: Room, person: str) -> None:
    """Says yes to the second question that is asked of a secret; raises AssertionError where none comes."""
    for _ in range(_TRIES):
        with closing(room.store()) as store:
            chains = sorted(filter(is_rotation_asked, store.chains()))
            ask = Logbook(store, chains[-1]).refresh().asks.get(ASK) if len(chains) > 1 else None
            if ask is not None:
                _say(room, person, "approve", how_to_answer(chains[-1], ask.opened))
                return
        sleep(0.02)
    raise AssertionError("nobody was asked a second time")


def _say(room: Room, person: str, word: str, command: str) -> None:
    _, _, chain, *bound = command.split()
    rest = ["--reason", "it is a test of mine"] if word == "reject" else bound
    arguments = [word, chain, *rest, "--key", str(room.folder / person)]
    environment = {**os.environ, "TMINUS_LEDGER": f"sqlite:{room.folder / 'ledger.db'}"}
    said = CliRunner().invoke(main, arguments, env=environment)
    assert said.exit_code == 0, said.output


def closed(room: Room, override: str = "") -> None:
    """The environment's calendar lets nobody rotate anything now; `override` is the role that may all the same."""
    file = room.folder / "environment.yaml"
    begin, end = (now() + timedelta(days=days) for days in (-1, 1))
    freeze = f"{{from: '{begin:%Y-%m-%d %H:%M}', to: '{end:%Y-%m-%d %H:%M}', why: the year's end}}"
    may = f", override: [{override}]" if override else ""
    file.write_text(file.read_text("utf-8") + f"calendar: {{time_zone: UTC, freezes: [{freeze}]{may}}}\n", "utf-8")
