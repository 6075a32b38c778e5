"""`jwt.keys`: the key that signs tokens; whoever verifies them fetches the public keys as a JSON Web Key Set.

The secret is `{"kid": …, "algorithm": …, "private_key": PEM}`, and issuers sign with what is current. The public key
is in the set before the first token is signed with it, for as long as any cache may go without it; and it stays there
until the last token is over. RFC 7517 (sets), RFC 7519 (tokens), RFC 9111 (caches).
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from tasks.jwks_cache import require_within
from tasks.jwks_object import KeySetObject, Stored
from tasks.jwks_served import JwksPlace, Served, require_proof, served
from tasks.jwks_signing import Algorithm, SigningKey
from tasks.jwks_uses import KID, OVER, VerifiedTokens
from tasks.prometheus_api import PrometheusApi
from tasks.rotators.rotator import UNSEEN, Census, Done, NotYet, Rotator, Turn, Way, blind, unless_leaked
from tminus.clock import Duration, now, show_duration
from tminus.errors import CouldNotObserve, Refused
from tminus.rotations.document import Document

_CACHED = "cache_seconds"
_AGAIN = timedelta(seconds=1)  # between two looks whether an address serves what it should, at the soonest
_Long = Annotated[Duration, Field(gt=timedelta(0))]


class JwtKeys(Rotator, frozen=True):
    """A signing key whose successor is published before it signs.

    Every cache on the way to a verifier must tell in `Age` how long it kept the set (RFC 9111, 4); for each that does
    not, the set may be kept once more as long (`hidden_caches`).

    Attributes:
        bucket: a name of the environment's `buckets`, where the set lies; `key` is the object's, under its prefix.
        urls: where verifiers fetch it; each must say how long it may be cached.
        token_lifetime: for how long a token is valid.
        algorithm: of new keys.
        max_cache: the longest that the set may be cached.
        signer_reads_every: for how long an issuer may sign with a key before it reads the secret again.
        hidden_caches: how many caches do not tell `Age`, at most, one behind the other (nginx's proxy_cache is one).
        counts: PromQL for how many tokens of key `{kid}` were verified within `{over}`, from the environment's
            `prometheus`: `sum(increase(tokens_verified_total{kid="{kid}"}[{over}]))`.
    """

    sections: ClassVar[Mapping[str, str]] = {"bucket": "buckets", "endpoints": "endpoints"}

    kind: Literal["jwt.keys"] = "jwt.keys"
    bucket: str
    key: Annotated[str, StringConstraints(min_length=1, max_length=900)]
    urls: tuple[JwksPlace, ...] = Field(min_length=1)
    token_lifetime: _Long
    algorithm: Algorithm = "ES256"
    max_cache: _Long
    signer_reads_every: _Long
    hidden_caches: int = Field(default=0, ge=0, le=5)
    counts: str | None = None

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints that `urls` name."""
        return tuple(one.endpoint for one in self.urls)

    @field_validator("counts")
    @classmethod
    def _asks_for_one_key(cls, counts: str | None) -> str | None:
        if counts is not None and not (KID in counts and OVER in counts):
            raise ValueError(f"the query must have {KID} where the key's id stands, and {OVER} where the range does")
        return counts

    @model_validator(mode="after")
    def _over_before_the_next(self) -> Self:
        takes = self.max_cache + self._lived(self.max_cache) + self.switched_off
        if takes >= self.every:
            raise ValueError(
                f"max_cache twice, token_lifetime, signer_reads_every and switched_off are {show_duration(takes)} "
                f"together, and `every` is {show_duration(self.every)}: the next would begin before the end"
            )
        return self

    async def plan(self, turn: Turn) -> Way:
        """The set, the key that is replaced, and how long the set may be cached now.

        Raises Refused where the key in use is not served everywhere, or the set may be cached for longer than the
        book accepts, or for as long as anybody likes.
        """
        old = await asyncio.to_thread(SigningKey.of, turn.old)
        answers, unseen = await self._served(turn)
        _require_served(turn, old, answers)
        held = await asyncio.to_thread(self._object, turn)
        await asyncio.to_thread(held.read)
        seconds = self._longest(answers, unseen).total_seconds()
        way = {"set": held.where, "kid": old.kid, _CACHED: f"{seconds:g}"}
        return {**way, UNSEEN: "; ".join(unseen)} if unseen else way

    def shares(self, one: Document, other: Document) -> bool:
        """See Rotator."""
        return one.agrees(other, "kid")

    async def create(self, turn: Turn) -> Document:
        """A new key, which nobody knows of yet; its id is its thumbprint (RFC 7638)."""
        made = await asyncio.to_thread(SigningKey.made, self.algorithm)
        named = {"kid": made.kid, "algorithm": made.algorithm}
        return turn.old.changed(f"{turn.name} (new)", {**named, "private_key": made.pem})

    async def set(self, turn: Turn, new: Document) -> Done | NotYet:
        """Adds the new public key to the set; whatever else is in it stays."""
        key = await asyncio.to_thread(SigningKey.of, new)
        held = await asyncio.to_thread(self._object, turn)
        added = await asyncio.to_thread(held.add, key.public)
        return Done(f"public key {key.kid} is in {held.where}", already=not added)

    async def test(self, turn: Turn, new: Document) -> Done | NotYet:
        """Every address serves the new key, no cache can be without it any more, and what it signs is verified."""
        await self.set(turn, new)
        key, old = await asyncio.to_thread(SigningKey.of, new), await asyncio.to_thread(SigningKey.of, turn.old)
        stored = await self._stored(turn)
        if turn.at_once:
            return await self._tested_at_once(turn, key, stored)
        answers, _ = await self._served(turn)
        longest = self._known(turn, self._longest(answers))
        for one in answers:
            if one.has(key.kid):
                await asyncio.to_thread(require_proof, key, one.keys, one.where)
        late = [one.where for one in answers if not one.has(key.kid)]
        _require_served(turn, old, answers)
        reason = f"the set may be cached for {show_duration(longest)}, and until then a verifier may not know {key.kid}"
        if wait := _forgotten(stored, longest, reason):
            return wait
        if late:
            why = f"{late[0]} does not serve {key.kid}, which should be in every cache by now; purge what caches it"
            return NotYet(now() + max(longest, _AGAIN), why)
        return Done(
            f"{len(answers)} addresses serve key {key.kid} and verify what it signs, and nothing that a stranger does; "
            f"no cache goes without it: it is there for longer than {show_duration(longest)}"
        )

    async def _tested_at_once(self, turn: Turn, key: SigningKey, stored: Stored) -> Done:
        """By the set as it lies there, whatever the addresses serve: nothing waits for caches, or for one address."""
        held = await asyncio.to_thread(self._object, turn)
        await asyncio.to_thread(require_proof, key, stored.keys, held.where)
        answers, unseen = await self._served(turn)
        late = [*(one.where for one in answers if not one.has(key.kid)), *unseen]
        said = f"; not waited for caches: {len(late)} of {len(self.urls)} addresses do not serve it yet"
        return Done(f"the set verifies what key {key.kid} signs{said}")

    async def census(self, turn: Turn, new: Document) -> Census:
        """When a token of the old key was verified last, where that is counted."""
        since = turn.promoted or now() - self.cycle
        if self.counts is None:
            unsaid = (
                "who shows tokens of the old key: it rests on their lifetime alone, of "
                f"{show_duration(self.token_lifetime)}; give `counts` where verifiers count tokens by their kid"
            )
            return Census((), "the lifetime of tokens", since, blind(turn, unsaid))
        prometheus = PrometheusApi(turn.estate.api("prometheus"))
        tokens = VerifiedTokens(prometheus, self.counts)
        where = f"verified tokens in prometheus {prometheus.where}"
        try:
            if use := await tokens.last(turn.old.name("kid"), now() - since):
                return Census((use,), where, since, blind(turn))
            counted = await tokens.of(new.name("kid"), now() - since)
        except CouldNotObserve as e:
            return Census((), where, since, blind(turn, unless_leaked(turn, e)))
        unsaid = "" if counted else "anything: no token of the new key was counted either"
        return Census((), where, since, blind(turn, unsaid))

    def keep(self, turn: Turn) -> timedelta:
        """At least until the last token of the old key is over, and as long again as the set may be cached.

        The cache's lifetime is the one that `plan` measured, or the book's max_cache; `off` measures it again.
        """
        return timedelta(0) if turn.at_once else max(self.overlap, self._lived(self._known(turn)))

    async def off(self, turn: Turn, new: Document) -> Done | NotYet:
        """Takes the old public key out of the set, once no token of it is valid any more."""
        held, kid = await asyncio.to_thread(self._object, turn), turn.old.name("kid")
        kids = {one.get("kid") for one in (await self._stored(turn)).keys}
        if kid not in kids:
            return Done(f"public key {kid} is not in {held.where}", already=True)
        if new.name("kid") not in kids or new.name("kid") == kid:
            alone = f"{held.where} has no other key of {turn.name} than {kid}: without it no token is verified"
            if new.name("kid") == kid:
                raise Refused(alone)
            unless_leaked(turn, Refused(alone))
            await self.set(turn, new)
        if not turn.at_once:
            cached = self._known(turn, self._longest(*await self._served(turn)))
            until = (turn.promoted or now()) + self._lived(cached)
            if now() < until:
                return NotYet(until, f"tokens that key {kid} signed may be valid until then, so it stays in the set")
        await asyncio.to_thread(held.remove, kid)
        return Done(f"public key {kid} is not in {held.where} any more")

    async def on(self, turn: Turn, new: Document) -> Done:
        """Puts the old public key back; raises CouldNotObserve as long as a verifier may not know it yet."""
        del new
        old = await asyncio.to_thread(SigningKey.of, turn.old)
        held = await asyncio.to_thread(self._object, turn)
        added = await asyncio.to_thread(held.add, old.public)
        answers, unseen = await self._served(turn)
        wait = _forgotten(await self._stored(turn), self._known(turn, self._longest(answers, unseen)), "")
        if not turn.at_once and (wait or not all(one.has(old.kid) for one in answers)):
            until = f"{(wait.until if wait else now()):%H:%M:%S}"
            raise CouldNotObserve(
                f"public key {old.kid} is in {held.where}, and a verifier may not know it before {until} UTC: what it "
                "signs until then may be refused. Go on after that"
            )
        return Done(f"public key {old.kid} is in {held.where}", already=not added)

    async def drop(self, turn: Turn, new: Document) -> Done | NotYet:
        """Nobody verifies with the old public key any more, whatever caches had; its private half is thrown away.

        Where it leaked, an address that does not answer counts as one that is cached for as long as the book accepts.
        """
        came = await self.off(turn, new)
        if isinstance(came, NotYet):
            return came
        kid, (answers, unseen) = turn.old.name("kid"), await self._served(turn)
        longest = self._known(turn, self._longest(answers, unseen))
        reason = f"the set may be cached for {show_duration(longest)}, and until then a verifier may know {kid}"
        if wait := _forgotten(await self._stored(turn), longest, reason):
            return wait
        if late := [one.where for one in answers if one.has(kid)]:
            why = f"{late[0]} serves {kid}, which no cache should have any more; purge what caches it"
            return NotYet(now() + max(longest, _AGAIN), why)
        unsaid = f"; not seen: {'; '.join(unseen)}" if unseen else ""
        return Done(f"no verifier knows key {kid} any more{unsaid}", already=came.already)

    async def undo(self, turn: Turn, new: Document | None) -> Done | NotYet:
        """Takes the new public key out of the set."""
        if new is None or new.name("kid") == turn.old.name("kid"):
            return Done("no new key was published", already=True)
        held = await asyncio.to_thread(self._object, turn)
        removed = await asyncio.to_thread(held.remove, new.name("kid"))
        return Done(f"public key {new.name('kid')} is not in {held.where} any more", already=not removed)

    def _object(self, turn: Turn) -> KeySetObject:
        return KeySetObject(turn.estate, self.bucket, self.key)

    async def _stored(self, turn: Turn) -> Stored:
        return await asyncio.to_thread(lambda: self._object(turn).read())

    async def _served(self, turn: Turn) -> tuple[Sequence[Served], Sequence[str]]:
        """What each address serves; raises Refused where one may be cached for longer than the book accepts.

        Where the old key leaked, what is wrong with one is told beside the others' answers.
        """
        answers, unseen = list[Served](), list[str]()
        for place in self.urls:
            try:
                one = await served(turn.estate, place)
                if not turn.at_once:
                    require_within(one.cached, self.max_cache / (1 + self.hidden_caches), one.where)
                answers.append(one)
            except (CouldNotObserve, Refused) as e:
                unseen.append(unless_leaked(turn, e))
        return answers, unseen

    def _longest(self, answers: Sequence[Served], unseen: Sequence[str] = ()) -> timedelta:
        """The longest that any may be cached; one that is not seen, for as long as the book accepts."""
        seen = [one.cached.longest * (1 + self.hidden_caches) for one in answers]
        return max([*seen, *([self.max_cache] if unseen else [])])

    def _known(self, turn: Turn, measured: timedelta | None = None) -> timedelta:
        """The longer of what was measured now and when the rotation began: a cache may have the earlier answer."""
        planned = turn.way.get(_CACHED)
        known = self.max_cache if planned is None else timedelta(seconds=float(planned))
        return max(known, measured or known)

    def _lived(self, cached: timedelta) -> timedelta:
        """From the last moment at which an issuer read the old key until its last token is over, and caches besides."""
        return self.token_lifetime + self.signer_reads_every + cached


def _require_served(turn: Turn, old: SigningKey, answers: Sequence[Served]) -> None:
    """Raises Refused where an address does not serve the key in use, unless it leaked."""
    for one in answers:
        if not turn.at_once and not one.has(old.kid):
            raise Refused(f"{one.where} does not serve key {old.kid}, which is in use; put it into the set first")


def _forgotten(stored: Stored, longest: timedelta, why: str) -> NotYet | None:
    """What is to be waited for until no cache has what the set was before; None where that is over."""
    left = longest - stored.unchanged_for
    until: datetime = now() + left
    return NotYet(until, why) if left > timedelta(0) else None
