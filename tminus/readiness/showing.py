"""A readiness account as Markdown, as one page, as JUnit XML for CI, and as JSON."""

from xml.etree import ElementTree as ET

from tminus.foreign_text import printable
from tminus.outcome import Verdict
from tminus.readiness.account import Account, ShownLine
from tminus.readiness.history import History
from tminus.report.chart import Chart
from tminus.report.rendering import templates
from tminus.report.trend import LARGE, Value, draw_trend

FORMATS = ("md", "html", "json", "junit")
"""Beside the terminal's own."""
_DRAWN = 2  # sweeps from which on there is a trend


def shown_as(name: str, account: Account) -> str:
    """The account in one of FORMATS."""
    return {"md": _markdown, "html": _page, "json": _json, "junit": _junit}[name](account)


def _markdown(account: Account) -> str:
    """The same checklist, in order, each line ticked by evidence and by nothing else."""
    return templates().get_template("readiness.md.jinja").render(account=account)


def _page(account: Account) -> str:
    page = templates().get_template("readiness.html.jinja")
    return page.render(account=account, drawn=_drawn, trend=_trend(account))


def _drawn(history: History) -> Chart:
    values = [Value(one.at, one.value, not one.held) for one in history.values]
    return draw_trend(values, history.limit, history.unit)


def _trend(account: Account) -> Chart | None:
    """How many lines held at each sweep of everything, below how many there are."""
    if len(account.trend) < _DRAWN:
        return None
    values = [Value(at, green) for at, green, _ in account.trend]
    return draw_trend(values, account.trend[-1][2], "", LARGE, "all")


def _json(account: Account) -> str:
    return account.model_dump_json(indent=2) + "\n"


def _junit(account: Account) -> str:
    """A suite a section and a case a line, as CI servers read it: a line that could not be looked at is an error."""
    suites = ET.Element("testsuites", name=f"{account.system} readiness")
    for chapter in account.chapters:
        for section in chapter.sections:
            name = printable(f"{chapter.title} / {section.title}")
            cases = [_case(name, line) for line in section.lines]
            counted = {
                tag: str(sum(case.find(tag) is not None for case in cases)) for tag in ("failure", "error", "skipped")
            }
            suite = ET.SubElement(
                suites,
                "testsuite",
                name=name,
                tests=str(len(cases)),
                failures=counted["failure"],
                errors=counted["error"],
                skipped=counted["skipped"],
            )
            suite.extend(cases)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _case(suite: str, line: ShownLine) -> ET.Element:
    case = ET.Element("testcase", classname=suite, name=f"{line.ref}: {printable(line.title)}")
    tag = {Verdict.FAIL: "failure", Verdict.UNKNOWN: "error", Verdict.SKIPPED: "skipped"}.get(line.verdict)
    if tag is not None:
        ET.SubElement(case, tag, message=printable(line.summary))
    return case
