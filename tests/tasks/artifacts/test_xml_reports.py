"""JUnit's and Cobertura's XML: what counts, and what is too dangerous or too thin to be believed."""

from datetime import UTC, datetime, timedelta

import pytest

from tasks import artifact_xml, cobertura, junit
from tasks.junit import Result
from tests.conftest import Estates
from tests.tasks.artifacts.foreign import file
from tests.tasks.artifacts.looking import found, looked, put
from tminus.clock import now
from tminus.errors import CouldNotObserve
from tminus.outcome import Verdict

LAUGHS = (
    '<!DOCTYPE r [<!ENTITY a "ha">' + "".join(f'<!ENTITY a{n} "{"&a;" * 10}">' for n in range(9)) + "]>"
    "<testsuites><testsuite><testcase name='&a8;'/></testsuite></testsuites>"
)
STOLEN = '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuites><testcase name="&f;"/></testsuites>'
PARAMETER = '<!DOCTYPE r [<!ENTITY % f SYSTEM "http://127.0.0.1:1/x">%f;]><testsuites><testcase/></testsuites>'


@pytest.mark.parametrize("text", [LAUGHS, STOLEN, PARAMETER])
def test_entities_are_refused(text: str) -> None:
    """A billion laughs, a file, an address: nothing is expanded, opened or fetched."""
    with pytest.raises(CouldNotObserve, match="declares an entity"):
        junit.read(file(text))


def test_a_doctype_alone_is_read_and_not_fetched() -> None:
    """Istanbul and older tools begin with one."""
    doctype = '<!DOCTYPE coverage SYSTEM "http://127.0.0.1:1/coverage-04.dtd">'
    package = "<package name='a'><class><lines><line number='1' hits='1'/></lines></class></package>"

    report = cobertura.read(file(f"{doctype}<coverage timestamp='1700000000'>{package}</coverage>"))

    assert report.packages["a"].lines_run == 1
    assert report.made.at == datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.mark.parametrize("text", ["<a>" * 200, "<testsuites>" + "<a>" * 100 + "</a>" * 100 + "</testsuites>"])
def test_what_is_nested_too_deep_is_refused(text: str) -> None:
    """No report is."""
    with pytest.raises(CouldNotObserve):
        junit.read(file(text))


def test_what_has_too_many_elements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before they fill the memory."""
    monkeypatch.setattr(artifact_xml, "_MOST", 100)
    with pytest.raises(CouldNotObserve, match="over 100 elements"):
        junit.read(file(f"<testsuites>{'<testcase/>' * 101}</testsuites>"))


@pytest.mark.parametrize(("bound", "most"), [("_MOST", 2), ("_LETTERS", 30)])
def test_what_holds_too_much_is_refused(monkeypatch: pytest.MonkeyPatch, bound: str, most: int) -> None:
    """In one report, and in all of them together: a suite's long name stands in each of its tests' names."""
    two = file(f"<testsuite name='{'x' * 12}'><testcase/><testcase/></testsuite>")
    assert len(junit.read(two).runs) == 2
    monkeypatch.setattr(junit, bound, most)
    with pytest.raises(CouldNotObserve, match="over"):
        junit.read(file(f"<testsuite name='{'x' * 12}'><testcase/><testcase/><testcase/></testsuite>"))
    if bound == "_MOST":
        with pytest.raises(CouldNotObserve, match="name fewer"):
            junit.read_all([two, two])


def case(inner: str = "", **attributes: str) -> str:
    """A test case."""
    said = "".join(f' {name}="{value}"' for name, value in {"classname": "C", "name": "t", **attributes}.items())
    return f"<testcase{said}>{inner}</testcase>"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (case(), Result.PASSED),
        (case("<failure/>"), Result.FAILED),
        (case("<error/>"), Result.FAILED),
        (case("<skipped/>"), Result.SKIPPED),
        (case("<skipped/><failure/>"), Result.FAILED),
        (case("<failure/><skipped/>"), Result.FAILED),
        (case("<system-out>failure</system-out>"), Result.PASSED),
        (case("<system-out><failure/></system-out>"), Result.PASSED),
        (case("<flakyFailure/>"), Result.PASSED),
        (case(status="notrun"), Result.SKIPPED),
        (case(result="suppressed"), Result.SKIPPED),
        (case(status="failed"), Result.FAILED),
        (case(status="run", result="completed"), Result.PASSED),
    ],
)
def test_how_a_test_ended(text: str, result: Result) -> None:
    """In the words of pytest, Surefire and GoogleTest; what a test printed does not matter."""
    [run] = junit.read(file(f"<testsuite name='s'>{text}</testsuite>")).runs
    assert run.result is result
    assert run.name == "s C t"


@pytest.mark.parametrize(
    "text",
    [
        "<testsuites/>",
        "<testsuites><testsuite tests='0'/></testsuites>",
        "<testsuite tests='3' failures='0'><testcase/></testsuite>",
        "<testsuite tests='1' failures='1'><testcase/></testsuite>",
        "<testsuite tests='1' errors='1'><testcase/></testsuite>",
        "<testsuites tests='500' failures='20'><testsuite tests='1'><testcase/></testsuite></testsuites>",
        "<testsuites failures='1'><testsuite tests='1'><testcase/></testsuite></testsuites>",
        "<testsuite tests='3'><testsuite tests='1'><testcase/></testsuite><testcase/></testsuite>",
        "<testsuite errors='2'><testsuite><testcase><failure/></testcase></testsuite></testsuite>",
        "<testsuite><testcase/>",
        "<html><testcase/></html>",
        "",
        "\0",
        "<?xml version='1.0' encoding='nonsense'?><testsuites/>",
        "<?xml version='1.0' encoding='utf-16'?><testsuites/>",
    ],
)
def test_a_report_that_says_nothing_or_less_than_it_should_proves_nothing(text: str) -> None:
    """Empty, cut, edited, or another thing altogether: unknown, never a pass."""
    with pytest.raises(CouldNotObserve):
        junit.read(file(text))


def test_an_outer_suites_totals_are_not_held_against_it() -> None:
    """A suite that holds others repeats their counts, or sums them up."""
    inner = "<testsuite name='inner' tests='2' failures='1'><testcase/><testcase><failure/></testcase></testsuite>"
    report = junit.read(
        file(f"<testsuites tests='2'><testsuite tests='2' failures='1'>{inner}</testsuite></testsuites>")
    )

    assert (len(report.runs), report.suites) == (2, 1)


def test_the_oldest_suite_counts_and_no_zone_is_utc() -> None:
    """One result of last week makes the report one of last week."""
    old, new = now() - timedelta(days=7), now()
    suites = "".join(
        f"<testsuite timestamp='{at.replace(tzinfo=None).isoformat()}'><testcase/></testsuite>" for at in (new, old)
    )
    suites += (
        f"<testsuite timestamp='{(new + timedelta(hours=9)).replace(tzinfo=None).isoformat()}'><testcase/></testsuite>"
    )
    made = junit.read(file(f"<testsuites>{suites}</testsuites>")).made

    assert abs((made.at - old).total_seconds()) < 1
    assert made.dated


@pytest.mark.parametrize("at", ["2100-01-01T00:00:00Z", "0001-01-01T00:00:00", "9999-12-31T00:00:00"])
def test_a_time_that_cannot_be_is_refused(at: str) -> None:
    """A report from the future would never grow old."""
    with pytest.raises(CouldNotObserve, match="is said to be of"):
        junit.read(file(f"<testsuite timestamp='{at}'><testcase/></testsuite>"))


async def test_only_some_tests_are_asked_about(estates: Estates) -> None:
    """In any capitals; a pattern that only a skipped test has in its name is unmatched."""
    text = f"{case(name='PNL_short')}{case('<skipped/>', name='fee')}{case('<failure/>', name='other')}"
    put(estates.folder, "a.xml", f"<testsuite>{text}</testsuite>")

    outcome = await looked(
        estates, "artifact.tests", {"tests": "= 2"}, reports="a.xml", only=["pnl", "fee", "slippage"]
    )

    assert found(outcome)["passed"] == "1 of 2"
    assert found(outcome)["unmatched"] == "2"
    assert found(outcome)["failed"] == "0"


async def test_a_prefix_names_packages_and_what_is_below(estates: Estates) -> None:
    """`orders` is no `orders_archive`; a package without a line does not count as measured."""

    def package(name: str, *hits: int) -> str:
        lines = "".join(f"<line number='{n}' hits='{hit}'/>" for n, hit in enumerate(hits))
        methods = "<methods><method><lines><line hits='0'/></lines></method></methods>"
        return f"<package name='{name}'><classes><class>{methods}<lines>{lines}</lines></class></classes></package>"

    text = package("orders", 1, 1) + package("orders.api", 0, 1) + package("orders_archive", 0) + package("empty")
    put(estates.folder, "c.xml", f"<coverage><packages>{text}</packages></coverage>")

    outcome = await looked(
        estates, "artifact.coverage", {"packages": "= all"}, report="c.xml", packages=["orders", "empty"]
    )

    assert outcome.verdict is Verdict.FAIL
    assert found(outcome) | {"age": ""} == {"lines": "75 %", "least": "50 %", "packages": "1 of 2", "age": ""}
    assert "does not say when it was made" in outcome.details[-1]


@pytest.mark.parametrize(
    "lines",
    [
        "<line number='1'/>",
        "<line hits='-1'/>",
        "<line hits='1e5'/>",
        "<line hits='1' condition-coverage='50% (3/2)'/>",
        "",
    ],
)
def test_coverage_that_cannot_be_is_refused(lines: str) -> None:
    """No hits, hits that are no number, more branches than there are, no line at all."""
    text = f"<package name='a'><classes><class><lines>{lines}</lines></class></classes></package>"
    with pytest.raises(CouldNotObserve):
        cobertura.read(file(f"<coverage>{text}</coverage>"))
