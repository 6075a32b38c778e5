"""The system's tokens: a login that hands them out, a refresh, the keys that vouch for them; a stand-in serves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from bench.worlds.world import Case, Sections, World, fault
from deployments.rehearsal.in_thread import served
from deployments.rehearsal.vendors.front import CUSTOMER, PASSWORD, Front

_LOGIN: Sections = {
    "endpoint": "api",
    "path": "/auth/login",
    "identity": "password",
    "json": {"email": CUSTOMER, "password": "{secret}"},
}


class TokenWorld(World):
    """A front that signs its tokens, ends them soon, and takes each refresh token once."""

    system: ClassVar[str] = "tokens"
    real: ClassVar[bool] = False
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "jwt.token",
            _LOGIN,
            {"issued": "= yes", "lifetime": "<= 15 min", "algorithm": "= ES256"},
            (
                ("switch", "endless"),
                ("switch", "unsigned"),
                ("lives_for", "86400"),
                "nobody_gets_in",
                ("answers_with", "/auth/login", "503"),
            ),
        ),
        Case(
            "jwt.token",
            {**_LOGIN, "refresh_path": "/auth/refresh"},
            {"refreshed": "= yes", "rotated": "= yes"},
            (("switch", "reuses"), ("answers_with", "/auth/refresh", "404")),
        ),
        Case(
            "jwt.keys",
            {"endpoint": "api"},
            {"weak": "= 0", "private": "= 0", "cached": ">= 5 min"},
            (
                ("switch", "weak_key"),
                ("switch", "private_key"),
                ("switch", "no_keys"),
                "keys_may_not_be_kept",
                ("answers_with", "/.well-known/jwks.json", "404"),
            ),
        ),
    )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Served in a thread."""
        self.front = Front()
        with served(self.front.app()) as self.url:
            yield

    def sections(self) -> Sections:
        """One endpoint, and a customer's password."""
        self.front.forget()
        reference = "env:WORLD_TOKENS_PASSWORD"
        return {
            "endpoints": {"api": {"url": self.url}},
            "identities": {"password": reference, "customer-password": reference},
        }

    def secrets(self) -> dict[str, str]:
        """The password."""
        return {"WORLD_TOKENS_PASSWORD": PASSWORD}

    @fault
    def switch(self, name: str) -> Iterator[None]:
        """One thing about its tokens or keys is wrong."""
        setattr(self.front.tokens, name, True)
        yield
        setattr(self.front.tokens, name, False)

    @fault
    def lives_for(self, seconds: str) -> Iterator[None]:
        """Its tokens live for another time."""
        before, self.front.tokens.lifetime = self.front.tokens.lifetime, int(seconds)
        yield
        self.front.tokens.lifetime = before

    @fault
    def nobody_gets_in(self) -> Iterator[None]:
        """The login refuses everybody."""
        self.front.logins_fail = True
        yield
        self.front.logins_fail = False

    @fault
    def answers_with(self, path: str, status: str) -> Iterator[None]:
        """A path is answered with another status."""
        self.front.broken[path] = int(status)
        yield
        self.front.broken.clear()

    @fault
    def keys_may_not_be_kept(self) -> Iterator[None]:
        """Each look at a token costs a look at the keys."""
        self.front.tokens.keys_kept = 0
        yield
        self.front.tokens.keys_kept = 3600
