"""Settings: read from each format, taken as what the book expects, and never believed where they are something else."""

from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import JsonValue, TypeAdapter, ValidationError

from tasks import artifact_yaml
from tasks.artifact_pointer import Pointer, at_pointer
from tasks.artifact_settings import read_settings
from tasks.artifact_values import measured
from tasks.artifact_yaml import read_yaml
from tasks.journey_values import ABSENT
from tests.conftest import Estates
from tests.tasks.artifacts.foreign import file
from tests.tasks.artifacts.looking import looked, put
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

DOCUMENT: JsonValue = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8, "~1": 9, "0": {"00": 1}, "n": None}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        *(
            ("", DOCUMENT),
            ("/foo", ["bar", "baz"]),
            ("/foo/0", "bar"),
            ("/", 0),
            ("/a~1b", 1),
            ("/c%d", 2),
            ("/m~0n", 8),
        ),
        *(("/~01", 9), ("/0/00", 1), ("/n", None), ("/foo/2", ABSENT), ("/foo/-", ABSENT), ("/foo/00", ABSENT)),
        *(("/foo/0/x", ABSENT), ("/n/x", ABSENT), ("/no", ABSENT), ("/foo/99999999999999999999", ABSENT)),
    ],
)
def test_a_pointer_leads_where_rfc_6901_says(pointer: str, value: object) -> None:
    """Its own examples, and what is not there."""
    assert at_pointer(DOCUMENT, TypeAdapter(Pointer).validate_python(pointer)) == value


@pytest.mark.parametrize("pointer", ["foo", "/a~2", "/a~", "#/a"])
def test_what_is_no_pointer_is_refused_when_the_book_is_read(pointer: str) -> None:
    """It begins with a slash, and a tilde stands for something."""
    with pytest.raises(ValidationError):
        TypeAdapter(Pointer).validate_python(pointer)


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        *(("value", 3, "3"), ("value", "0.1", "0.1"), ("value", "1_000", "1000"), ("value", -2.5, "-2.5")),
        *(
            ("seconds", "15d", "1296000"),
            ("seconds", "1h30m", "5400"),
            ("seconds", "1h0m0s", "3600"),
            ("seconds", 30, "30"),
        ),
        *(("seconds", "PT15M", "900"), ("seconds", "P1DT2H", "93600"), ("seconds", "P2W", "1209600")),
        *(("seconds", "7 days", "604800"), ("seconds", "2 hours, 30 minutes", "9000"), ("seconds", "500ms", "0.5")),
        *(("seconds", "1y", "31536000"), ("seconds", "-1h30m", "-5400"), ("seconds", "90", "90")),
        *(("milliseconds", 50, "50"), ("milliseconds", "50ms", "50"), ("milliseconds", "2s", "2000")),
        *(("milliseconds", "250us", "0.25"), ("milliseconds", "100 µs", "0.1"), ("milliseconds", "5ns", "0.000005")),
        *(("hours", 2, "2"), ("hours", "90m", "1.5"), ("days", 7, "7"), ("days", "168h", "7"), ("days", "1w", "7")),
        *(("bytes", "1Mi", "1048576"), ("bytes", "512KiB", "524288"), ("bytes", "10MB", "10000000"), ("bytes", 7, "7")),
        *(
            ("bytes", "64k", "64000"),
            ("bytes", "2gb", "2000000000"),
            ("bytes", "1.5Gi", "1610612736"),
            ("bytes", "9B", "9"),
        ),
        *(("percent", "80%", "80"), ("percent", 80, "80"), ("percent", "99.9 %", "99.9")),
        *(("ratio", 0.8, "80"), ("ratio", "0.001", "0.1"), ("ratio", "80%", "80")),
        *(("count", [1, 2], "2"), ("count", {}, "0")),
    ],
)
def test_a_value_is_taken_as_what_is_expected(name: str, value: JsonValue, taken: str) -> None:
    """As Kubernetes, Prometheus, Go, ISO 8601 and people write it."""
    quantity = measured(name, value, "a").quantity
    assert quantity is not None
    assert quantity.value == Decimal(taken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, value)
            for name in ("value", "seconds", "bytes", "percent", "ratio", "age")
            for value in (None, True, [], {})
        ),
        *(
            ("value", "three"),
            ("value", ""),
            ("value", "1e400"),
            ("value", 10**30),
            pytest.param("value", 10**5000, id="a huge number"),
            ("value", "9" * 99),
        ),
        *(("value", float("inf")), ("value", float("nan")), ("value", "0x10"), ("value", "1,000"), ("value", "\u0661")),
        *(
            ("seconds", "soon"),
            ("seconds", "15 parsecs"),
            ("seconds", "P"),
            ("seconds", "PT"),
            ("seconds", "1h oder so"),
        ),
        *(
            ("bytes", "1Xi"),
            ("bytes", "1i"),
            ("bytes", "Mi"),
            ("bytes", "1e20Ei"),
            ("percent", "%"),
            ("percent", "80%%"),
        ),
        *(("count", 3), ("count", "three"), ("word", []), ("word", {})),
        *(("age", "soon"), ("age", "2100-01-01"), ("age", "0001-01-01"), ("age", 5), ("age", "99999999999999")),
    ],
)
def test_what_is_something_else_is_refused(name: str, value: JsonValue) -> None:
    """Never zero, never true, never the largest number there is."""
    with pytest.raises(CouldNotObserve):
        measured(name, value, "a")


@pytest.mark.parametrize(("value", "word"), [("info", "info"), (True, "true"), (None, "null"), (3, "3"), (" a ", "a")])
def test_a_word_is_as_it_is_written(value: JsonValue, word: str) -> None:
    """Text, a number, true, false or null."""
    assert measured("word", value, "a").word == word


def test_an_age_is_that_of_a_time_in_any_form() -> None:
    """ISO 8601 with a zone and without, and seconds or milliseconds since 1970."""
    then = now() - timedelta(hours=48)
    epoch = int(then.timestamp())
    forms: list[JsonValue] = [then.isoformat(), then.replace(tzinfo=None).isoformat(), epoch, epoch * 1000, str(epoch)]
    for form in forms:
        quantity = measured("age", form, "a").quantity
        assert quantity is not None
        assert abs(quantity.value - 48) < Decimal("0.01")


@pytest.mark.parametrize(
    ("name", "text", "pointer", "value"),
    [
        ("a.yaml", "a: {b: [1, yes, 010, 2026-01-05, 1:30, ~]}", "/a/b", [1, "yes", 10, "2026-01-05", "1:30", None]),
        ("a.yml", "base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}", "/mine", {"x": 1, "y": 3}),
        ("a.yml", "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}", "/c", {"x": 1, "z": 3}),
        ("a.yaml", "a: 1\n---\na: 2\n", "/1/a", 2),
        ("a.json", '{"a": 1.5}', "/a", 1.5),
        ("a.toml", "[a]\nb = 2026-01-05T10:00:00Z\nc = [1]", "/a", {"b": "2026-01-05 10:00:00+00:00", "c": [1]}),
        (".env", "# x\nexport A='b c'\nD=e # f\nG=\nH=i#j", "", {"A": "b c", "D": "e", "G": "", "H": "i#j"}),
        ("prod.env", 'URL="x=y"', "/URL", "x=y"),
        (
            "a.ini",
            "top = 1\n[s one]\nk : v\n; no\n[two]\nk=w",
            "",
            {"top": "1", "s one": {"k": "v"}, "two": {"k": "w"}},
        ),
        ("a.properties", "server.port=8080\n! no\n# no", "/server.port", "8080"),
        ("redis.conf", "maxmemory 2gb\nappendonly yes", "/appendonly", "yes"),
        ("a.yaml", "\ufeffa: 1", "/a", 1),
    ],
)
def test_each_format_is_read(name: str, text: str, pointer: str, value: JsonValue) -> None:
    """By the file's name; times stay text, merges are followed, and YAML is of version 1.2."""
    assert at_pointer(read_settings(file(text, name)), pointer) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(
            ("a.yaml", text)
            for text in (
                "a: [",
                "a: *b",
                "\t- x: y",
                "a: !!int x",
                "- " * 5000,
                "[" * 5000,
                "a: b: c",
                "%YAML 9.9",
                "a: 1\na: 2",
            )
        ),
        *(("a.json", text) for text in ("{", "[" * 100_000, "", "{'a': 1}", "9" * 5000)),
        *(("a.toml", text) for text in ("a = ", "[a", "a = 1\na = 2", f"a = {'[' * 5000}")),
        *(("a.env", ""), ("a.ini", ""), ("a.txt", "a: 1"), ("a", "a: 1"), ("a.ini", "[a]\n")),
    ],
)
def test_what_cannot_be_read_is_said(name: str, text: str) -> None:
    """Broken, nested without end, empty, or of no format of settings; empty sections are no setting."""
    document = None
    try:
        document = read_settings(file(text, name))
    except CouldNotObserve as e:
        assert name in str(e)  # noqa: PT017 - one of the texts is read
    assert document in (None, {"a": {}})


def test_aliases_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine lists of nine of nine … and mappings merged into each other stop at a bound; a circle does too."""
    laughs = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    merged = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}], y{n}: 1}}\n" for n in range(1, 12)
    )
    for text in (laughs, merged, "a: &a [*a]", "a: &a {<<: *a}"):
        with pytest.raises(CouldNotObserve, match=r"aliases|deeper"):
            read_yaml(file(text, "a.yaml"))
    monkeypatch.setattr(artifact_yaml, "LARGEST", 10)
    with pytest.raises(CouldNotObserve, match="bytes of YAML"):
        read_yaml(file("a: 1234567890", "a.yaml"))


async def test_a_setting_that_is_not_there_fails_by_its_presence(estates: Estates) -> None:
    """Its value is not measured, which alone is unknown; null is there."""
    put(estates.folder, "a.yaml", "a: {b: null}")

    gone = await looked(
        estates, "artifact.setting", {"present": "= yes", "value": "= 1"}, file="a.yaml", pointer="/a/c"
    )
    alone = await looked(estates, "artifact.setting", {"value": "= 1"}, file="a.yaml", pointer="/a/c")
    null = await looked(estates, "artifact.setting", {"present": "= yes"}, file="a.yaml", pointer="/a/b")

    assert (gone.verdict, alone.verdict, null.verdict) == (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)


async def test_a_secret_is_never_read_out(estates: Estates) -> None:
    """Its presence may be expected, and its word may not; nothing of it stands in the outcome."""
    put(estates.folder, ".env", "API_TOKEN=hunter2hunter2\n")

    word = await looked(estates, "artifact.setting", {"word": "= x"}, file=".env", pointer="/API_TOKEN")
    there = await looked(estates, "artifact.setting", {"present": "= no"}, file=".env", pointer="/API_TOKEN")

    assert (word.verdict, there.verdict) == (Verdict.UNKNOWN, Verdict.FAIL)
    assert "hunter2" not in word.model_dump_json() + there.model_dump_json()
