"""A signing key whose public half is in a bucket of moto's, and a site with a cache of its own that serves the set."""

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import JsonValue, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tasks.estate import Estate
from tasks.jwks_signing import Jwk, SigningKey, verified
from tasks.rotators.jwt_keys import JwtKeys
from tasks.rotators.rotator import Done, NotYet, Turn
from tests.conftest import Estates, S3Server
from tminus.clock import now
from tminus.rotations.document import Document

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PATH = "/.well-known/jwks.json"


@dataclass
class JwksRoom:
    """What is there before a rotation: a set with the key in use and one of somebody else.

    Attributes:
        url: where the site is; `site` is to be served there.
        headers: what the site says of caching.
        keeps: for how long its cache really keeps what it fetched, in seconds.
        shown: what it serves whatever lies in the bucket; nothing of that kind where it is None.
    """

    s3_server: S3Server
    estates: Estates
    url: str
    name: str
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "max-age=0"})
    keeps: float = 0.0
    shown: bytes | None = None
    status: int = 200
    prometheus: str = "http://127.0.0.1:1"
    old: SigningKey = field(default_factory=lambda: SigningKey.made("ES256"))
    other: SigningKey = field(default_factory=lambda: SigningKey.made("EdDSA"))
    estate: Estate = field(init=False)
    _cache: tuple[float, bytes] | None = None

    def __post_init__(self) -> None:
        self.put([self.other.public, self.old.public])
        section = self.s3_server.section(self.estates.secret, "")
        self.estate = self.estates.make(
            buckets={"keys": section},
            endpoints={"site": {"url": self.url}},
            prometheus={"url": self.prometheus},
        )

    @cached_property
    def s3(self) -> "S3Client":
        """S3, as somebody else."""
        return self.s3_server.client()

    @property
    def where(self) -> dict[str, str]:
        """The object's bucket and key."""
        return {"Bucket": self.s3_server.at.address.bucket, "Key": self.name}

    def put(self, keys: list[Jwk]) -> None:
        """Writes the set as somebody else does, with what belongs to it besides."""
        plain: JsonValue = {"keys": [dict(one) for one in keys], "issuer": "kept"}
        self.s3.put_object(
            **self.where,  # type: ignore[arg-type]  # Bucket and Key
            Body=json.dumps(plain).encode(),
            ContentType="application/jwk-set+json",
            CacheControl="max-age=7",
            Metadata={"of": "trading"},
        )

    def kids(self) -> list[str]:
        """The ids in the bucket."""
        return [one["kid"] for one in json.loads(self._stored())["keys"]]

    def policy(self, **fields: object) -> JwtKeys:
        """The book's entry."""
        plain: dict[str, object] = {
            "title": "Tokens",
            "owner": "security",
            "secret": "trading/tokens",
            "every": "30d",
            "overlap": "1s",
            "cycle": "0s",
            "switched_off": "0s",
            "bucket": "keys",
            "key": self.name,
            "urls": [{"endpoint": "site"}],
            "token_lifetime": "15m",
            "signer_reads_every": "1m",
            "max_cache": "10m",
        }
        return JwtKeys.model_validate({**plain, **fields})

    def turn(self, **changed: object) -> Turn:
        """A rotation of it."""
        fields = {"kid": self.old.kid, "algorithm": self.old.algorithm, "note": "kept"}
        text = SecretStr(json.dumps({**fields, "private_key": self.old.pem.get_secret_value()}))
        document = Document(text, "trading/tokens (AWSCURRENT)")
        turn = Turn(self.estate, "tokens", "20270104-tokens", "v" * 36, {"cache_seconds": "0"}, document)
        return replace(turn, **changed)  # type: ignore[arg-type]  # fields of a turn

    def site(self) -> Starlette:
        """What serves the set."""

        async def answer(_: Request) -> Response:
            body, age = await asyncio.to_thread(self._fetched)
            headers = {**self.headers, **({"Age": str(age)} if age else {})}
            return Response(body, self.status, media_type="application/json", headers=headers)

        return Starlette(routes=[Route(PATH, answer)])

    def verifies(self, key: SigningKey) -> bool:
        """Whether whoever fetched the set just now lets in what a key signs."""
        return verified(key.token({"sub": "somebody"}), json.loads(self._fetched()[0])["keys"])

    def _fetched(self) -> tuple[bytes, int]:
        if self.shown is not None:
            return self.shown, 0
        if self._cache is None or time.monotonic() >= self._cache[0] + self.keeps:
            self._cache = (time.monotonic(), self._stored())
        return self._cache[1], int(time.monotonic() - self._cache[0])

    def _stored(self) -> bytes:
        return self.s3.get_object(**self.where)["Body"].read()  # type: ignore[arg-type]  # Bucket and Key


def seconds_from(start: datetime, until: datetime) -> float:
    """How long it is from one to the other."""
    return (until - start).total_seconds()


def done(came: Done | NotYet) -> Done:
    """It is."""
    assert isinstance(came, Done), came
    return came


def wait(came: Done | NotYet) -> NotYet:
    """It is not yet."""
    assert isinstance(came, NotYet), came
    return came


async def published(policy: JwtKeys, turn: Turn) -> tuple[Document, SigningKey]:
    """A new key that is in the set."""
    new = await policy.create(turn)
    done(await policy.set(turn, new))
    return new, SigningKey.of(new)


def long_ago(room: JwksRoom, **changed: object) -> Turn:
    """A turn whose new key signs since long before the last token of the old one ended."""
    return room.turn(promoted=now() - timedelta(hours=1), **changed)
