"""age: streams encrypted and decrypted, what breaks noticed, and unreadable shown by trying."""

import io
import os

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tasks.backups.damage import Damaged
from tasks.backups.digested import DigestedSource, DigestedTarget
from tasks.backups.encryption import (
    HEAD,
    decrypt,
    encrypt,
    may_be_sealed,
    plain_format,
    public_key,
    readable_without_key,
)
from tminus.errors import CouldNotObserve, NotConfigured

KEY = pyrage.x25519.Identity.generate()
PRIVATE = SecretStr(str(KEY))
PUBLIC = str(KEY.to_public())
CONTENT = os.urandom(200_000)


def sealed(content: bytes = CONTENT) -> bytes:
    """Encrypted to the key."""
    into = io.BytesIO()
    encrypt(io.BytesIO(content), into, [PUBLIC])
    return into.getvalue()


def opened(stored: bytes, key: SecretStr = PRIVATE) -> bytes:
    """Decrypted."""
    into = io.BytesIO()
    decrypt(io.BytesIO(stored), into, key)
    return into.getvalue()


@given(st.sampled_from([0, 1, 1000, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 200_000]), st.integers(1, 4))
def test_the_size_of_what_is_encrypted_follows_from_the_plain_one(plain: int, recipients: int) -> None:
    """Whatever age adds fits; what is half a kilobyte shorter or longer does not."""
    into = io.BytesIO()
    encrypt(io.BytesIO(bytes(plain)), into, [PUBLIC] * recipients)
    size = len(into.getvalue())
    assert may_be_sealed(size, plain, recipients)
    assert not may_be_sealed(size - 512, plain, recipients)
    assert not may_be_sealed(size + 512, plain, recipients)


@given(st.binary(max_size=200))
def test_what_is_encrypted_comes_back(content: bytes) -> None:
    """And is nothing that can be read meanwhile."""
    stored = sealed(content)
    assert opened(stored) == content
    assert readable_without_key(stored) == "no"


@given(st.integers(min_value=0), st.integers(0, 7))
def test_no_bit_flips_unnoticed(place: int, bit: int) -> None:
    """Wherever in the file: it does not decrypt."""
    stored = bytearray(sealed(b"rows" * 50))
    stored[place % len(stored)] ^= 1 << bit
    with pytest.raises(Damaged):
        opened(bytes(stored))


@given(st.integers(min_value=0))
def test_nothing_is_cut_off_unnoticed(place: int) -> None:
    """However much: it does not decrypt."""
    stored = sealed(b"rows" * 50)
    with pytest.raises(Damaged):
        opened(stored[: place % len(stored)])


def test_a_chunk_cut_off_at_its_end_is_noticed() -> None:
    """Age marks the last chunk: the first two of four are not all of it."""
    stored = sealed()
    header = len(stored) - len(CONTENT) - 4 * 16
    with pytest.raises(Damaged, match="cut off"):
        opened(stored[: header + 2 * (HEAD + 16)])


def test_another_key_opens_nothing() -> None:
    """And the error holds no key."""
    other = SecretStr(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(Damaged, match="another key") as raised:
        opened(sealed(), other)
    assert other.get_secret_value() not in str(raised.value)


def test_a_key_that_is_none_is_not_quoted() -> None:
    """It may be another secret that was put there by mistake."""
    for wrong in (
        "hunter2",
        "AGE-SECRET-KEY-1HUNTER2",
        "",
        f"{PRIVATE.get_secret_value()}\n{PRIVATE.get_secret_value()}",
    ):
        with pytest.raises(NotConfigured) as raised:
            public_key(SecretStr(wrong))
        assert "hunter2" not in str(raised.value).lower()
        assert raised.value.__cause__ is None
    with pytest.raises(CouldNotObserve, match="no public age key"):
        encrypt(io.BytesIO(b""), io.BytesIO(), ["age1wrong"])


def test_a_key_file_is_read_as_age_keygen_writes_it() -> None:
    """With its comments."""
    assert public_key(SecretStr(f"# created: today\n# public key: {PUBLIC}\n{PRIVATE.get_secret_value()}\n")) == PUBLIC


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PGDMP\x01\x10", "yes"),
        (b"REDIS0011\xfa", "yes"),
        (b"\x1f\x8b\x08", "yes"),
        (b"\x00" * 257 + b"ustar\x0000", "yes"),
        (b"CREATE TABLE x (id int);\n", "yes"),
        (b'{"rows": []}', "yes"),
        (b"age-encryption.org/v1\nno header at all", "unproven"),
        (os.urandom(4000) + b"\xff", "unproven"),
        (b"", "unproven"),
    ],
)
def test_what_is_not_encrypted_is_told_by_its_first_bytes(content: bytes, word: str) -> None:
    """`no` only where age's format was tried with another key; unknown bytes prove nothing."""
    assert readable_without_key(content[:HEAD]) == word
    assert word != "yes" or plain_format(content)


def test_errors_of_source_and_target_pass_through() -> None:
    """As what they are, not as age's."""

    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError("S3 is gone")

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None: ...

    with pytest.raises(ConnectionResetError):
        encrypt(Broken(), io.BytesIO(), [PUBLIC])
    with pytest.raises(ConnectionResetError):
        decrypt(Broken(), io.BytesIO(), PRIVATE)
    with pytest.raises(OSError, match="No space"):
        decrypt(io.BytesIO(sealed()), Broken(), PRIVATE)


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_what_passes_is_counted_and_hashed(content: bytes, size: int) -> None:
    """Read in any pieces, the same bytes, their number and SHA-256."""
    source, into = DigestedSource(io.BytesIO(content), keep=10), io.BytesIO()
    target = DigestedTarget(into)
    while piece := source.read(size):
        assert len(piece) <= size
        target.write(piece)
    assert into.getvalue() == content
    assert (source.size, source.sha256, source.head) == (len(content), target.sha256, content[:10])
