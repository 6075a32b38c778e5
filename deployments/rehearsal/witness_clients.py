"""A witness's clients: those who log in anew each time, and pools whose connections stay open."""

import threading
import time

from deployments.rehearsal.witness_count import Count, Refusal
from deployments.rehearsal.witness_doors import Session, TurnedAway, session
from deployments.rehearsal.witness_plan import Lived, WitnessPlan
from deployments.rehearsal.witness_secrets import Held, Holder, NotGiven, Reader
from deployments.rehearsal.witness_tokens import Tokens


class _Client:
    """Whoever lives by one secret."""

    by = "log-in"

    def __init__(self, plan: WitnessPlan, lived: Lived, reader: Reader, count: Count) -> None:
        self.plan = plan
        self.lived = lived
        self._count = count
        self._holder = Holder(reader, lived.secret, plan.held_for(lived))

    def _begin(self, due: float) -> Held:
        """Counts a log-in, and says with what; raises TurnedAway."""
        seconds = 0.0
        try:
            held = self._holder.get()
            seconds = held.for_seconds()
        except NotGiven as e:
            raise TurnedAway("secret", str(e)) from None
        finally:
            self._count.began(self.lived.arm, time.time(), time.monotonic() - due, seconds)
        return held

    def _refused(self, why: TurnedAway, held: Held | None) -> None:
        user, version, seconds = (held.user, held.version, held.for_seconds()) if held else ("", "", 0.0)
        arm, secret = self.lived.arm, self.lived.secret
        self._count.refused(Refusal(time.time(), arm, secret, user, version, why.kind, seconds, self.by, why.said))


class LoggingIn(_Client):
    """Logs in anew each time, asks one question, and leaves; of a signing key: signs and verifies."""

    def __init__(self, plan: WitnessPlan, lived: Lived, reader: Reader, count: Count) -> None:
        super().__init__(plan, lived, reader, count)
        self._tokens = Tokens(lived.jwks, plan.token_lives) if lived.kind == "jwt" else None

    def log_in(self, due: float) -> None:
        """Once. `due` is when it should begin, by the monotonic clock."""
        held = None
        try:
            held = self._begin(due)
            self._use(held)
        except TurnedAway as e:
            self._refused(e, held)
        else:
            self._count.got_in(self.lived.arm, held.version)

    def _use(self, held: Held) -> None:
        if self._tokens is not None:
            self._tokens.sign_and_verify(held)
            return
        opened = session(self.lived, held)
        try:
            opened.ask()
        finally:
            opened.close()

    def close(self) -> None:
        """Leaves."""
        if self._tokens is not None:
            self._tokens.close()


class Pool(_Client):
    """One connection that stays open and asks steadily, replaced by another one at the end of its life.

    Args:
        number: which of its secret's; each begins at another part of a life.
    """

    by = "pool"

    def __init__(self, plan: WitnessPlan, lived: Lived, number: int, reader: Reader, count: Count) -> None:
        super().__init__(plan, lived, reader, count)
        self._first_life = plan.pool_lives * (number + 1) / (lived.pools + 1)

    def run(self, ended: threading.Event) -> None:
        """Until `ended` is set."""
        lives = self._first_life
        while not ended.is_set():
            self._live(time.monotonic(), lives, ended)
            lives = self.plan.pool_lives

    def _live(self, begins: float, lives: float, ended: threading.Event) -> None:
        held = None
        try:
            held = self._begin(begins)
            opened = session(self.lived, held)
            self._count.got_in(self.lived.arm, held.version)
            try:
                self._ask(opened, begins + lives, ended)
            finally:
                opened.close()
        except TurnedAway as e:
            self._refused(e, held)
            ended.wait(self.plan.pool_asks_every)

    def _ask(self, opened: Session, until: float, ended: threading.Event) -> None:
        while time.monotonic() < until and not ended.wait(self.plan.pool_asks_every):
            self._count.asked(self.lived.arm)
            opened.ask()
