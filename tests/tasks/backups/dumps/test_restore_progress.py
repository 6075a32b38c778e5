"""What pg_restore prints: tables that are through, and complaints without customers' data."""

from hypothesis import given
from hypothesis import strategies as st

from tasks.backups.restore_progress import Progress

ALONE = """\
pg_restore: connecting to database for restore
pg_restore: creating TABLE "public.a"
pg_restore: processing data for table "public.a"
pg_restore: processing data for table "public.b"
pg_restore: executing SEQUENCE SET s
pg_restore: creating CONSTRAINT "public.a a_pkey"
"""
SEVERAL = """\
pg_restore: processing item 216 TABLE a
pg_restore: launching item 3394 TABLE DATA a
pg_restore: launching item 3395 TABLE DATA b
pg_restore: processing data for table "public.a"
pg_restore: processing data for table "public.b"
pg_restore: finished item 3395 TABLE DATA b
pg_restore: finished item 3394 TABLE DATA a
"""


def through(text: str) -> list[list[str]]:
    """What each line says is through, where it says so."""
    progress = Progress(())
    return [found for line in text.splitlines() if (found := progress.feed(line))]


def test_one_job_is_through_with_a_table_when_the_next_thing_begins() -> None:
    """Whatever that is."""
    assert through(ALONE) == [["public.a"], ["public.b"]]


def test_several_jobs_say_when_they_are_through() -> None:
    """The beginning of another table says nothing then."""
    assert through(SEVERAL) == [["public.b"], ["public.a"]]


def test_complaints_show_names_and_no_values() -> None:
    """What is quoted is shown only where it is the name of an object; details and contexts are not taken up at all."""
    progress = Progress({"accounts", "email_key"})
    progress.feed('pg_restore: error: COPY failed for table "accounts": ERROR:  invalid input syntax: "alice@x.test"')
    progress.feed("DETAIL:  Key (email)=(alice@x.test) is duplicated.")
    progress.feed('pg_restore: error: could not execute query: ERROR:  could not create unique index "email_key"')
    progress.feed("pg_restore: warning: errors ignored on restore: 2")
    assert progress.errors == 2
    assert "alice" not in " ".join(progress.complaints)
    assert '"accounts"' in progress.complaints[0]
    assert '"email_key"' in progress.complaints[1]


def test_what_this_machine_lacks_is_told_apart() -> None:
    """An extension, a locale, room on the disk: nothing is known of the backup then."""
    for said in (
        'could not execute query: ERROR:  extension "timescaledb" is not available',
        'could not execute query: ERROR:  invalid LC_COLLATE locale name: "de_DE.utf8"',
        "COPY failed: ERROR:  could not extend file: No space left on device",
        "could not execute query: ERROR:  ICU is not supported in this build",
        "could not execute query: ERROR:  pg_cron can only be loaded via shared_preload_libraries",
    ):
        progress = Progress(())
        progress.feed(f"pg_restore: error: {said}")
        assert progress.lacks, said
    progress.feed('pg_restore: error: could not execute query: ERROR:  relation "x" does not exist')
    assert Progress(()).lacks == ""


def test_many_complaints_are_bounded() -> None:
    """All are counted, and the first kept, each of bounded length."""
    progress = Progress(())
    for _ in range(1000):
        progress.feed(f"pg_restore: error: {'x' * 5000}")
    assert progress.errors == 1000
    assert sum(map(len, progress.complaints)) < 20 * 250


@given(st.lists(st.text(max_size=80)))
def test_any_output_is_read(lines: list[str]) -> None:
    """Nothing that it may print breaks it."""
    progress = Progress(())
    for line in lines:
        progress.feed(line)
        progress.feed(f"pg_restore: error: {line}")
