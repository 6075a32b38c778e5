"""A live bucket with objects in several versions, and objects that are drawn."""

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

import boto3

from bench.backups_gauntlet.damage import OBJECTS
from bench.backups_gauntlet.live import Live
from bench.backups_gauntlet.lives.writers import beside

LIVE, UNVERSIONED = "live-objects", "live-unversioned"
_KEYS = ("invoice/{}.txt", "ünï/日本 {}", "a b+c%20{}", "deep/er/and/deeper/{}", "{}", "q?x=1&y={}", "{}/")
_SIZES = (0, 1, 10, 1000, 40_000, 300_000)


class LiveObjects(Live):
    """A bucket's."""

    kind: ClassVar[str] = OBJECTS

    def start(self) -> None:
        """See Live."""
        self.place.make_bucket(LIVE, versions=True)
        self.place.make_bucket(UNVERSIONED, versions=False)
        self._bucket, self._prefix = LIVE, "shop"

    def put(self, key: str, body: bytes, content_type: str = "text/plain", **metadata: str) -> None:
        """One more version of a live object."""
        self.place.s3.put_object(
            Bucket=self._bucket, Key=f"{self._prefix}/{key}", Body=body, ContentType=content_type, Metadata=metadata
        )

    def drop(self, key: str) -> None:
        """Deletes a live object."""
        self.place.s3.delete_object(Bucket=self._bucket, Key=f"{self._prefix}/{key}")

    def fill(self) -> None:
        """See Live."""
        for number in range(20):
            self.put(f"invoice/{number:03}.txt", f"invoice {number} of the shop".encode() * 40, owner=f"c{number}")
        self.put("invoice/005.txt", b"the second version")
        self.put("invoice/006.txt", b"the second version")
        self.put("empty", b"")
        self.put("ünïcode/日本", b"x" * 100_000, "application/pdf")
        for number in (7, 8):
            self.drop(f"invoice/{number:03}.txt")

    def grow(self) -> None:
        """See Live."""
        self.put("invoice/020.txt", b"a new one" * 40)
        self.put("invoice/009.txt", b"the second version of nine")

    def entry(self) -> Mapping[str, object]:
        """See Live."""
        return {"source": "live"}

    def sections(self) -> Mapping[str, object]:
        """See Live."""
        return {"buckets": {"live": self.place.bucket(self._bucket, self._prefix)}}

    @contextmanager
    def varied(self, drawn: random.Random) -> Iterator[str]:
        """Objects below a prefix of their own; a fifth of the buckets keeps no versions."""
        before = self._bucket, self._prefix
        self._bucket = UNVERSIONED if drawn.random() < 0.2 else LIVE
        self._prefix = f"p{drawn.randrange(10**9)}"
        try:
            count = drawn.choice((1, 2, 5, 8, 12, 25))
            for number in range(count):
                key = drawn.choice(_KEYS).format(number)
                for _ in range(drawn.choice((1, 1, 1, 2))):
                    self.put(key, drawn.randbytes(drawn.choice(_SIZES)), owner="ö".encode().hex())
                if drawn.random() < 0.1:
                    self.drop(key)
            said = f"{count} objects in {self._bucket}"
            if self._bucket == LIVE and drawn.random() < 0.3:
                with beside(self._write):
                    yield f"{said} under writes"
            else:
                yield said
        finally:
            self._bucket, self._prefix = before

    def _write(self, stop: threading.Event) -> None:
        """With a client of its own, since those of boto are no two threads'."""
        at = self.place.aws.address
        client = boto3.client(
            "s3",
            endpoint_url=at.url,
            region_name=at.region,
            aws_access_key_id=at.access_key_id,
            aws_secret_access_key=at.secret_access_key.get_secret_value(),
        )
        number = 0
        while not stop.wait(0.01):
            number += 1
            key = f"{self._prefix}/busy/{number % 5}"
            client.put_object(Bucket=self._bucket, Key=key, Body=b"v" * (number % 900))
            if not number % 4:
                client.delete_object(Bucket=self._bucket, Key=key)
