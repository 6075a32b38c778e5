"""A report as one self-contained page, and as a ticked checklist."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from tminus.report import chart, timeline
from tminus.report.model import Report
from tminus.spoken import day_said, length_said, listed, offset_said, time_said

_TEMPLATES = Path(__file__).parent / "templates"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")


@cache
def templates() -> Environment:
    """Everything is escaped in the page; in the checklist what Markdown would read as more than text."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(("html.jinja", "svg.jinja")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        time=time_said,
        clock=_clock,
        tenths=_tenths,
        day=day_said,
        lasting=length_said,
        listed=listed,
        md=markdown_escaped,
        clip=clipped,
        since=_since,
        number=_number,
    )
    return found


def page(report: Report) -> str:
    """report.html: one file that needs no network, prints, and is read on a phone and in the dark."""
    watch = report.watch
    layouts = {"wide": timeline.WIDE, "narrow": timeline.NARROW}
    frames = {"wide": chart.WIDE, "narrow": chart.NARROW}
    return (
        templates()
        .get_template("report.html.jinja")
        .render(
            report=report,
            timelines={name: timeline.lay_out(report, layout) for name, layout in layouts.items()},
            errors={name: chart.draw(watch, "error_percent", frame) for name, frame in frames.items()} if watch else {},
            latency={name: chart.draw(watch, "p95_ms", frame) for name, frame in frames.items()} if watch else {},
            countdown=partial(offset_said, report.t0, timedelta(seconds=report.hour_seconds)),
        )
    )


def checklist(report: Report) -> str:
    """report.md: the verdict, and every step of the book with its tick, its refs and its evidence."""
    return templates().get_template("report.md.jinja").render(report=report)


def markdown_escaped(text: str) -> str:
    """Text that stands in one line of Markdown and means nothing more than itself."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def clipped(text: str, most: int) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S}"


def _tenths(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S.%f}"[:-5]


def _since(seconds: float) -> str:
    return f"+{length_said(timedelta(seconds=seconds))}"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004 - three digits are enough below that
