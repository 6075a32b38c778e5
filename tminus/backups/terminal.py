"""A system's backups on a terminal: the newest of each store, its last verification, and how the figures went."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tminus import events as ev
from tminus.backups.book import AnyStore, BackupBook
from tminus.backups.catalogue import Catalogue
from tminus.backups.history import LEFT_BEHIND, History, Verified
from tminus.backups.scratch_telling import place_said
from tminus.backups.together import mark_said
from tminus.backups.unproven import failed_before
from tminus.clock import show_duration
from tminus.outcome import Verdict

_BARS = "▁▂▃▄▅▆▇█"
_DRAWN = 20  # verifications in a chart
_SHOWN = 40  # backups in a list
_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red"}


def overview(book: BackupBook, history: History, at: datetime) -> Iterator[RenderableType]:
    """One line a store."""
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    for column in ("store", "newest backup", "size", "verified", "verdict", "restore time", "", "loss", ""):
        table.add_column(column, no_wrap=column != "newest backup")
    for name, store in book.stores.items():
        table.add_row(*_row(name, store, history, at))
    yield table
    for name, last in [(name, found[-1]) for name in book.stores if (found := history.verifications_of(name))]:
        if (verdict := last.worst.outcome.verdict) is not Verdict.PASS:
            yield Text(f"{name}: {last.worst.outcome.summary}", style=_style(verdict))
        elif last.left:
            yield Text(f"{name}: {failed_before(last.left)}", style=_style(last.verdict))
    yield from common_points(book, history, at)
    for began in history.broke_off.values():
        said = f"The verification of {began.at:%Y-%m-%d %H:%M} runs, or broke off; the next cleans up behind it."
        yield Text(said, style="yellow")
    for planned in history.scratches.values():
        what = f"{planned.backup} is taken" if planned.backup else f"a backup of {planned.store} is restored"
        yield Text(
            f"In {place_said(planned)} {what}, for {short((at - planned.at).total_seconds())}; or it was left behind, "
            "and the next verification or backup there removes it.",
            style="red" if at - planned.at > LEFT_BEHIND else "yellow",
        )


def common_points(book: BackupBook, history: History, at: datetime) -> Iterator[Text]:
    """The point to which all stores can be brought, and how each group of stores came out when it was compared."""
    ended = history.ended
    if ended is not None and ended.common_mark is not None:
        looked = {one.store for one in history.verified if one.verification == ended.verification}
        which = "All stores" if looked == set(book.stores) else ", ".join(sorted(looked))
        mark = ended.common_mark
        yield Text(f"{which} can be brought to {mark_said(mark)}, {ago(at - mark.at)}.")
    for group in book.together:
        found = history.comparisons_of(group)
        if not found:
            yield Text(f"{group}: not compared yet", style="yellow")
            continue
        last = found[-1]
        limit = max(book.stores[name].verify_every for name in book.together[group].stores)
        style = "red" if at - last.at > limit else _style(last.outcome.verdict)
        when = f"compared {ago(at - last.at)}" + (f", {ago(at - last.mark.at)} the common point" if last.mark else "")
        yield Text(f"{group}: {last.outcome.summary} ({when})", style=style)


def _row(name: str, store: AnyStore, history: History, at: datetime) -> list[RenderableType]:
    taken, seen = history.taken_of(name), history.verifications_of(name)
    newest = taken[-1] if taken else None
    backup = f"{newest.backup}, {ago(at - newest.taken_at)}" if newest else "none was recorded"
    if not seen:
        return [name, backup, size(newest.size) if newest else "", Text("never", style="red"), "", "", "", "", ""]
    last = seen[-1].newest
    age = at - last.at
    late = age > store.verify_every
    verdict = seen[-1].verdict
    return [
        name,
        backup,
        size(newest.size) if newest else "",
        Text(ago(age), style="red" if late else ""),
        Text(str(verdict), style=_style(verdict)),
        _figure(last.rto_seconds, store.rto),
        chart([one.newest.rto_seconds for one in seen], store.rto),
        _figure(last.rpo_seconds, store.rpo),
        chart([one.newest.rpo_seconds for one in seen], store.rpo),
    ]


def chart(values: Sequence[float | None], limit: timedelta) -> Text:
    """The last of them as bars, the latest to the right; full height is the limit or the highest, red is beyond it."""
    most = limit.total_seconds()
    drawn = values[-_DRAWN:]
    highest = max([most, *(one for one in drawn if one is not None)])
    text = Text()
    for one in drawn:
        if one is None:
            text.append("·", style="dim")
        else:
            place = min(len(_BARS) - 1, max(0, int(one / highest * len(_BARS))))
            text.append(_BARS[place], style="red" if one > most else "green")
    return text


def render_store(
    name: str, store: AnyStore, history: History, found: Catalogue | str, at: datetime
) -> Iterator[RenderableType]:
    """Its backups, and what was measured when the last one was verified. `found` says why where they are not known."""
    yield Text(f"{name}: {store.title}", style="bold")
    yield Text(
        f"every {show_duration(store.every)}, kept {show_duration(store.keep)}, restored within "
        f"{show_duration(store.rto)}, at most {show_duration(store.rpo)} lost, verified every "
        f"{show_duration(store.verify_every)}",
        style="dim",
    )
    seen = history.verifications_of(name)
    yield (
        Text(f"What its bucket holds cannot be told: {found}", style="yellow")
        if isinstance(found, str)
        else _list(found, history, at)
    )
    for one in seen[-1].newest_first if seen else ():
        yield ""
        yield from _verified(one, at)
    if len(seen) > 1:
        yield ""
        yield Text("restore time  ").append(chart([one.newest.rto_seconds for one in seen], store.rto))
        yield Text("loss          ").append(chart([one.newest.rpo_seconds for one in seen], store.rpo))
        yield Text(f"verified      {_verdicts(seen)}", style="dim")


def _list(found: Catalogue, history: History, at: datetime) -> Table:
    verdicts = {one.backup: one.outcome.verdict for one in history.verified}
    table = Table(box=None, padding=(0, 2), pad_edge=False, header_style="bold")
    for column in ("backup", "taken", "size", "manifest", "verified"):
        table.add_column(column, no_wrap=True)
    for one in (*found.complete, *found.unfinished)[:_SHOWN]:
        manifest = "none" if one.manifest is None else "recorded" if one.recorded else "unrecorded"
        said = verdicts.get(one.name)
        table.add_row(one.name, ago(at - one.at), size(one.size), manifest, str(said) if said else "")
    if len(found.complete) + len(found.unfinished) > _SHOWN:
        table.add_row(f"and {len(found.complete) + len(found.unfinished) - _SHOWN} more")
    return table


def _verified(one: ev.BackupVerified, at: datetime) -> Iterator[RenderableType]:
    outcome = one.outcome
    which = one.backup or "no backup"
    yield Text(f"{which}{'' if one.newest else ' (older)'}, looked at {ago(at - one.at)}: ").append(
        str(outcome.verdict), style=_style(outcome.verdict)
    )
    found = {measured.name: str(measured) for measured in outcome.found}
    table = Table.grid(padding=(0, 2))
    for name, expectation in outcome.expected.items():
        table.add_row(f"  {found.get(name, f'{name} not measured')}", Text(str(expectation), style="dim"))
    yield table
    if outcome.verdict is not Verdict.PASS:
        yield Text(f"  {outcome.summary}", style=_style(outcome.verdict))
    yield from (Text(f"  {line}", style="dim") for line in outcome.details)


def _verdicts(seen: Sequence[Verified]) -> str:
    marks = {Verdict.PASS: "+", Verdict.FAIL: "-"}
    return "".join(marks.get(one.verdict, "?") for one in seen[-_DRAWN:])


def _figure(seconds: float | None, limit: timedelta) -> Text:
    if seconds is None:
        return Text("not measured", style="yellow")
    return Text(short(seconds), style="red" if seconds > limit.total_seconds() else "")


def _style(verdict: Verdict) -> str:
    return _STYLES.get(verdict, "yellow")


def short(seconds: float) -> str:
    """`8.2 s`, `12 min`, `5.0 h`, `3.2 d`."""
    for unit, length in (("d", 172_800), ("h", 7200), ("min", 120)):
        if abs(seconds) >= length:
            return f"{seconds / {'d': 86_400, 'h': 3600, 'min': 60}[unit]:.1f} {unit}"
    return f"{seconds:.1f} s"


def ago(length: timedelta) -> str:
    """`5.0 h ago`."""
    return f"{short(length.total_seconds())} ago"


def size(count: int) -> str:
    """`4.2 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - how SI counts
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
