"""The contacts file of TradeSense: a real file, whose entries are changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import JsonValue
from ruamel.yaml import YAML

from bench.worlds.world import Case, Sections, World, fault

_Entry = dict[str, dict[str, str] | str]


class ContactsFile(World):
    """Vendors and roles of ours, all filled in; one vendor has no telephone, as many have none."""

    system: ClassVar[str] = "contacts"
    real: ClassVar[bool] = True
    cases: ClassVar[tuple[Case, ...]] = (
        Case(
            "contacts.entry",
            {"contact": "railway", "needs": ["name", "phone", "email", "support.plan", "account"]},
            {"filled": "= all", "placeholders": "= 0", "confirmed": "< 90 d"},
            (
                "the_entry_is_gone",
                ("the_field", "reach", "phone", ""),
                ("the_field", "support", "account", "[Account]"),
                ("the_field", "reach", "phone", "+1 (202) 555-0143"),
                ("the_field", "reach", "email", "help@example.com"),
                ("the_field", "support", "contract", "TBD"),
                ("the_name_is", "[Name]"),
                ("it_was_confirmed", "200"),
                ("it_was_confirmed", "-3"),
                "it_was_never_confirmed",
            ),
        ),
        Case(
            "contacts.entry",
            {"contact": "sentry", "needs": ["what", "url"]},
            {"filled": "= all"},
            (("the_url_is", "https://example.com/support"),),
        ),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._file = folder / "contacts.yaml"
        self._entries: dict[str, _Entry] = {
            "railway": {
                "what": "hosting of api, web and worker",
                "name": "Railway support desk",
                "reach": {
                    "phone": "+49 30 23125 014",
                    "email": "team@railway.app",
                    "url": "https://station.railway.com",
                },
                "support": {"plan": "enterprise", "account": "tradesense", "contract": "RW-2026-114"},
                "confirmed": _days_ago(20),
            },
            "sentry": {
                "what": "error tracking",
                "name": "Sentry support",
                "reach": {"url": "https://sentry.io/support"},
            },
            "on-call": {"what": "incidents of every kind", "name": "first responder", "confirmed": _days_ago(1)},
            **_tradesense(),
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        """The file is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write()
        yield

    def sections(self) -> Sections:
        """The file's path."""
        return {"contacts": str(self._file)}

    def _write(self) -> None:
        entries: list[JsonValue] = [{"id": name, **_plain(entry)} for name, entry in self._entries.items()]
        with self._file.open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump({"contacts": entries}, file)

    @contextmanager
    def _otherwise(self, entry: str, /, **fields: dict[str, str] | str) -> Iterator[None]:
        before = self._entries
        self._entries = {**before, entry: {**before[entry], **fields}}
        self._write()
        try:
            yield
        finally:
            self._entries = before
            self._write()

    @fault
    def the_entry_is_gone(self) -> Iterator[None]:
        """It stands under another id."""
        before = self._entries
        self._entries = {f"{name}-old": entry for name, entry in before.items()}
        self._write()
        yield
        self._entries = before
        self._write()

    @fault
    def the_field(self, part: str, field: str, value: str, entry: str = "railway") -> Iterator[None]:
        """Something else stands in a field of an entry."""
        inside = self._entries[entry][part]
        assert isinstance(inside, dict)
        with self._otherwise(entry, **{part: {**inside, field: value}}):
            yield

    @fault
    def the_name_is(self, value: str, entry: str = "railway") -> Iterator[None]:
        """The same of the name."""
        with self._otherwise(entry, name=value):
            yield

    @fault
    def the_url_is(self, value: str) -> Iterator[None]:
        """The same of Sentry's address."""
        with self._otherwise("sentry", reach={"url": value}):
            yield

    @fault
    def it_was_confirmed(self, days: str, entry: str = "railway") -> Iterator[None]:
        """So many days ago; negative, on a day that has not come yet."""
        with self._otherwise(entry, confirmed=_days_ago(int(days))):
            yield

    @fault
    def it_was_never_confirmed(self, entry: str = "railway") -> Iterator[None]:
        """Nobody wrote when."""
        with self._otherwise(entry, confirmed=""):
            yield


def _tradesense() -> dict[str, _Entry]:
    """Whom TradeSense calls, with every blank of the shipped file filled in."""
    on_call = (("primary", "Anna Lindqvist", 41), ("secondary", "Cleo Marchetti", 42), ("escalation", "Ines Roth", 43))
    ours: dict[str, _Entry] = {
        f"on-call-{place}": {
            "what": "any incident of TradeSense",
            "name": name,
            "reach": {"phone": f"+49 30 23125 {number:03}"},
            "confirmed": _days_ago(30),
        }
        for place, name, number in on_call
    }
    vendors = {
        "railway-support": ("Railway support", {"email": "team@railway.app"}, {}),
        "datadog-support": ("Datadog support", {"url": "https://help.datadoghq.com"}, {"contract": "DD-2026-3391"}),
        "aws-support": ("AWS support", {"url": "https://support.console.aws.amazon.com"}, {"plan": "business"}),
        "stripe": ("Marta Weiss, account manager", {"email": "account-managers@stripe.com"}, {}),
        "sendgrid": ("SendGrid support", {"url": "https://support.sendgrid.com"}, {"plan": "pro"}),
        "twilio": ("Twilio support", {"url": "https://help.twilio.com"}, {"account": "AC" + "0a1b2c3d" * 4}),
    }
    theirs: dict[str, _Entry] = {
        entry: {"what": "what TradeSense stands on", "name": name, "reach": reach, "support": support}
        for entry, (name, reach, support) in vendors.items()
    }
    return {**ours, **theirs}


def _plain(entry: _Entry) -> dict[str, JsonValue]:
    return {name: dict(value) if isinstance(value, dict) else value for name, value in entry.items()}


def _days_ago(days: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()
