"""Dumps restored into a real scratch server: the good one agrees, and no damaged one does.

Each damaged dump is also one whose file and manifest were made consistent with it: what is wrong shows in what was
restored from it alone.
"""

import asyncio
import os
from collections.abc import Callable
from typing import LiteralString

import psutil
import pyrage
import pytest

from tasks.backups import verify_postgres_dump
from tasks.backups.asked import Seen
from tests.sampling import few
from tests.tasks.backups.dumps.shop import Shop, failing, made_up_secret, unmeasured
from tminus.backups.manifest import BackupManifest
from tminus.errors import CouldNotObserve, NotConfigured


def good(shop: Shop) -> BackupManifest:
    """The good backup's manifest."""
    assert shop.manifest is not None
    return shop.manifest


@pytest.mark.parametrize("jobs", few([1, 2], 2), ids=["one job", "two jobs"])
async def test_a_good_backup_agrees(shop: Shop, jobs: int) -> None:
    """In every aspect, with an owner, privileges and definitions of every kind; each aspect was looked at."""
    seen = await shop.verify(good(shop), jobs=jobs)
    assert (failing(seen), unmeasured(seen)) == (set(), set()), seen.details
    assert seen.because == ""
    measured = {one.name: one for one in seen.found}
    assert measured["restored"].word == "yes"
    assert measured["readable_without_key"].word == "no"


def scratch_processes(shop: Shop) -> list[psutil.Process]:
    """What runs in a scratch of this shop's."""
    inside = f"{shop.folder}/tminus-scratch-"
    return [one for one in psutil.process_iter(["cmdline"]) if inside in " ".join(one.info["cmdline"] or ())]


def ready_servers(shop: Shop) -> list[int]:
    """The scratch servers that let somebody in, by their pid files."""
    files = [path.read_text().splitlines() for path in shop.folder.glob("tminus-scratch-*/data/postmaster.pid")]
    return [int(lines[0]) for lines in files if len(lines) > 7 and lines[7].startswith("ready")]


async def test_nothing_of_the_scratch_outlives_it(shop: Shop) -> None:
    """No server, no socket, no file."""
    await shop.verify(good(shop))
    assert [one for one in shop.folder.iterdir() if one.name.startswith("tminus-scratch")] == []
    assert scratch_processes(shop) == []


ADD_KEY = "ALTER TABLE shop.ledger ADD CONSTRAINT ledger_account_id_fkey FOREIGN KEY (account_id)"
ALTERED = {
    "missing rows": (["DELETE FROM shop.orders WHERE account_id = 7"], {"tables_differ"}),
    "duplicated rows": (["INSERT INTO shop.parent SELECT * FROM ONLY shop.parent"], {"tables_differ"}),
    "swapped values": (
        ["UPDATE shop.east SET v = CASE id WHEN 1 THEN 'east 2' ELSE 'east 1' END WHERE id IN (1, 2)"],
        {"tables_differ"},
    ),
    "swapped tables": (
        [
            "ALTER TABLE shop.east RENAME TO aside",
            "ALTER TABLE shop.west RENAME TO east",
            "ALTER TABLE shop.aside RENAME TO west",
        ],
        {"tables_differ"},
    ),
    "a dropped constraint": (
        ["ALTER TABLE shop.ledger DROP CONSTRAINT known"],
        {"constraints_broken", "schema_differs"},
    ),
    "a constraint that nobody checked": (
        [
            "ALTER TABLE shop.ledger DROP CONSTRAINT ledger_account_id_fkey",
            f"{ADD_KEY} REFERENCES shop.accounts NOT VALID",
        ],
        {"constraints_broken", "schema_differs"},
    ),
    "a lost sequence": (["DROP SEQUENCE shop.tickets"], {"schema_differs", "sequences_differ"}),
    "a sequence that begins anew": (["ALTER SEQUENCE shop.tickets RESTART"], {"sequences_differ"}),
    "a wrong owner": (["ALTER TABLE shop.ledger OWNER TO postgres"], {"schema_differs"}),
    "a lost extension": (["DROP EXTENSION pg_trgm CASCADE"], {"schema_differs"}),
    "a ledger that does not sum up": (
        ["UPDATE shop.ledger SET amount = amount + 1 WHERE id = 9"],
        {"tables_differ", "invariants_broken"},
    ),
    "a lost large object": (
        ["SELECT lo_unlink(max(oid)) FROM pg_largeobject_metadata"],
        {"tables_differ", "schema_differs"},
    ),
    "an older mark": (
        ["UPDATE tminus.marker SET number = 6, at = at - interval '3 days'"],
        {"tables_differ", "loss"},
    ),
}


@pytest.mark.parametrize("damage", few(ALTERED, "missing rows"))
async def test_a_dump_of_other_data_does_not_agree(shop: Shop, damage: str) -> None:
    """It restores cleanly, its hashes are right, and what is in it is told apart."""
    statements, wrong = ALTERED[damage]
    with shop.altered(*statements):
        plain = shop.dump()
    seen = await shop.verify(shop.with_file(plain))
    assert failing(seen) == wrong, seen.details
    assert unmeasured(seen) == set()
    assert seen.because


def dump_of_another(shop: Shop, how: LiteralString = "") -> bytes:
    """Of an empty database of the same name and owner, made so."""
    with shop.connect("postgres") as connection:
        connection.execute("ALTER DATABASE shop RENAME TO shop_kept")
        connection.execute("CREATE DATABASE shop OWNER shop " + how)
    try:
        return shop.dump()
    finally:
        with shop.connect("postgres") as connection:
            connection.execute("DROP DATABASE shop")
            connection.execute("ALTER DATABASE shop_kept RENAME TO shop")


@pytest.mark.long
async def test_an_empty_dump_that_restores_cleanly_does_not_agree(shop: Shop) -> None:
    """pg_restore finds nothing wrong with it."""
    seen = await shop.verify(shop.with_file(dump_of_another(shop)))
    assert {"tables_differ", "schema_differs", "sequences_differ", "constraints_broken"} <= failing(seen)
    assert "invariants_broken" in failing(seen)


@pytest.mark.long
async def test_another_database_does_not_agree(shop: Shop) -> None:
    """It is called otherwise, and holds something else."""
    seen = await shop.verify(shop.with_file(shop.dump(database="trading")))
    assert {"tables_differ", "schema_differs"} <= failing(seen)
    assert any("is called 'trading'" in line for line in seen.details)


@pytest.mark.long
async def test_a_wrong_encoding_does_not_agree(shop: Shop) -> None:
    """The same rows in a database that does not know what letters are."""
    seen = await shop.verify(
        shop.with_file(dump_of_another(shop, "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"))
    )
    assert "schema_differs" in failing(seen)
    assert any(line.startswith("encoding was UTF8") for line in seen.details)


async def test_a_dump_without_data_does_not_agree(shop: Shop) -> None:
    """The schema is right; no row is there."""
    seen = await shop.verify(shop.with_file(shop.dump("--schema-only")))
    assert {"tables_differ", "sequences_differ"} <= failing(seen)
    assert "loss" in unmeasured(seen)


def flipped(content: bytes, at: float) -> bytes:
    """With one bit another, at so much of its length."""
    place = int(len(content) * at)
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda plain: plain[: len(plain) * 2 // 3],
    "cut off after its head": lambda plain: plain[:200],
    "a bit flipped in its head": lambda plain: flipped(plain, 2 / len(plain)),
    "a bit flipped in its data": lambda plain: flipped(plain, 0.8),
    "a page of zeros": lambda plain: plain[:-30_000] + bytes(8192) + plain[-30_000 + 8192 :],
    "not a dump": lambda _: os.urandom(5000),
    "some text": lambda _: b"-- PostgreSQL database dump complete\n",
}


@pytest.mark.parametrize("jobs", few([1, 2], 2))
@pytest.mark.parametrize("damage", few(BROKEN, "truncated", "a bit flipped in its data"))
async def test_a_broken_dump_does_not_pass(shop: Shop, damage: str, jobs: int) -> None:
    """Though hashes and manifest are consistent with it."""
    seen = await shop.verify(shop.with_file(BROKEN[damage](shop.plain)), jobs=jobs)
    assert failing(seen), seen.found
    assert "files_damaged" not in failing(seen)


STORED: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda stored: stored[: len(stored) // 2],
    "a bit flipped in its header": lambda stored: flipped(stored, 60 / len(stored)),
    "a bit flipped": lambda stored: flipped(stored, 0.5),
    "something added": lambda stored: stored + b"more",
}


@pytest.mark.parametrize("damage", few(STORED, "truncated", "a bit flipped"))
async def test_a_file_that_was_altered_where_it_lies_is_damaged(shop: Shop, damage: str) -> None:
    """Age notices by itself, and the manifest's hash does."""
    manifest = shop.with_file(shop.plain)
    shop.overwrite(manifest, STORED[damage](shop.stored(manifest)))
    seen = await shop.verify(manifest)
    assert {"files_damaged", "restored"} <= failing(seen)
    assert seen.because.count("does not decrypt") == 1, "it is said once"


async def test_a_dump_that_is_not_ours_is_never_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write to the bucket can encrypt to our public key: the hash is looked at before pg_restore begins."""

    async def never(*_: object) -> None:
        pytest.fail("it was restored")

    monkeypatch.setattr(verify_postgres_dump, "restore", never)
    manifest = shop.with_file(shop.plain)
    shop.overwrite(manifest, shop.stored(shop.with_file(shop.plain)))
    seen = await shop.verify(manifest)
    assert failing(seen) == {"files_damaged", "restored"}
    assert "so it is not restored" in seen.because


@pytest.mark.long
async def test_an_unencrypted_object_is_told(shop: Shop) -> None:
    """Its data agree, and anybody can read them."""
    seen = await shop.verify(shop.with_file(shop.plain, encrypted=False))
    assert failing(seen) == {"readable_without_key"}


@pytest.mark.long
async def test_what_is_encrypted_to_somebody_else_is_lost(shop: Shop) -> None:
    """The manifest says it is ours, and our key does not open it."""
    mine, shop.identity = shop.identity, pyrage.x25519.Identity.generate()
    try:
        manifest = shop.with_file(shop.plain)
    finally:
        shop.identity = mine
    seen = await shop.verify(manifest)
    assert "restored" in failing(seen)
    assert "another key" in seen.because


@pytest.mark.long
async def test_with_a_wrong_key_nothing_is_known(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backup may well be good: unknown, with the reason, and no key in it."""
    other = str(pyrage.x25519.Identity.generate())
    monkeypatch.setenv("TMINUS_OTHER_IDENTITY", other)
    with pytest.raises(CouldNotObserve, match="env:TMINUS_OTHER_IDENTITY is not a key of") as raised:
        await shop.verify(good(shop), shop.estate("env:TMINUS_OTHER_IDENTITY"))
    assert other not in str(raised.value)
    monkeypatch.setenv("TMINUS_OTHER_IDENTITY", made_up_secret().get_secret_value())
    with pytest.raises(NotConfigured, match="no private age key"):
        await shop.verify(good(shop), shop.estate("env:TMINUS_OTHER_IDENTITY"))


@pytest.mark.long
async def test_where_storage_is_silent_nothing_is_known(shop: Shop) -> None:
    """Unknown, with the reason."""
    with pytest.raises(CouldNotObserve, match="S3 did not answer"):
        await shop.verify(good(shop), shop.estate(endpoint="http://127.0.0.1:1"))


@pytest.mark.long
async def test_where_the_file_is_gone_nothing_is_restored(shop: Shop) -> None:
    """S3 says so, and so does the outcome."""
    manifest = shop.with_file(shop.plain)
    shop.s3.client().delete_object(Bucket=shop.s3.at.address.bucket, Key=manifest.file("dump").key)
    with pytest.raises(CouldNotObserve, match="NoSuchKey"):
        await shop.verify(manifest)


async def test_without_a_server_of_its_version_nothing_is_known(shop: Shop) -> None:
    """The catalogue of another version speaks otherwise."""
    origin = good(shop).origin.model_copy(update={"version": "12.4"})
    with pytest.raises(CouldNotObserve, match="no server of PostgreSQL 12"):
        await shop.verify(good(shop).model_copy(update={"origin": origin}))


async def test_when_the_scratch_server_dies_nothing_is_known(shop: Shop) -> None:
    """Unknown, and it is said that it died."""
    verifying = asyncio.create_task(shop.verify(good(shop)))
    killed = False
    while not verifying.done():
        await asyncio.sleep(0.01)
        for server in [] if killed else ready_servers(shop):
            os.kill(server, 9)
            killed = True
    assert killed
    with pytest.raises(CouldNotObserve, match="the scratch server was killed"):
        verifying.result()


async def test_a_verification_that_is_cancelled_leaves_no_process(shop: Shop) -> None:
    """As when it takes too long, or fills the disk."""
    verifying: asyncio.Task[Seen] = asyncio.create_task(shop.verify(good(shop)))
    while not ready_servers(shop):
        await asyncio.sleep(0.01)
    verifying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await verifying
    assert scratch_processes(shop) == []
