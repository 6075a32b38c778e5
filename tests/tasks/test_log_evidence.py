"""What the check of logs lets out: no word of a message, whoever it speaks of, in any outcome."""

import asyncio
import tempfile
from pathlib import Path
from string import ascii_letters

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Estates
from tests.tasks.log_folder import Logs
from tminus.outcome import Verdict

PERSON = st.text(ascii_letters + "äöüéñ", min_size=3, max_size=9).map("Zq".__add__)
EMAIL = st.builds("{}@{}.example".format, PERSON, PERSON)
IBAN = st.from_regex(r"[A-Z]{2}[0-9]{20}", fullmatch=True)
SPACED_IBAN = IBAN.map(lambda iban: " ".join(iban[at : at + 4] for at in range(0, len(iban), 4)))
MESSAGE = st.sampled_from(
    [
        "GET /api/users/{0}/orders: transfer for {0} {1}, Main Street, Berlin failed",
        "{0}",
        "order of '{0}' ({1}) refused",
        "customer={0} iban={1}",
        "cannot pay {0}_{1}",
        'duplicate key: Key (email)=({0}) exists, "{1}"',
        "{0}: {1}Error",
    ]
)


@settings(deadline=None)
@given(MESSAGE, PERSON | EMAIL | IBAN | SPACED_IBAN, PERSON | EMAIL | IBAN, st.sampled_from(["= 0", ">= 0", "= 9"]))
def test_nothing_of_a_customer_leaves_the_check(message: str, one: str, other: str, expected: str) -> None:
    """For all names, addresses, account numbers in messages, paths, exceptions, templates: none in the outcome."""
    told = message.format(one, other)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        logs = Logs(Estates(Path(folder), patch.setenv))
        logs.usual()
        for more in ({}, {"exception": told}, {"@mt": told}, {"path": f"/users/{one}"}, {"logger": f"{one} {other}"}):
            logs.write(told, **more)
        logs.raw(f"Traceback: {told}\n")
        outcome = asyncio.run(logs.check(new_signatures=expected, unstructured="= 0"))
    assert outcome.verdict is Verdict.FAIL
    shown = outcome.model_dump_json()
    for planted in {part for text in (one, other) for part in (text, *text.split("@"), *text.split()) if len(part) > 4}:
        assert planted.removesuffix(".example") not in shown


@pytest.fixture
def logs(estates: Estates) -> Logs:
    """An empty folder of logs."""
    return Logs(estates)


async def test_evidence_says_what_program_said_it_and_where_to_look(logs: Logs) -> None:
    """A kind of error by fingerprint, how often, level, exception class, logger, file and time of its newest line."""
    logs.usual()
    logs.write("no margin", ago=30, exception="orders.errors.MarginError", logger="orders.pricing")
    logs.write("no margin", ago=20, level="CRITICAL", exception="orders.errors.MarginError", logger="orders.pricing")
    outcome = await logs.check()
    [line] = outcome.details
    assert "2 times, new: critical MarginError of orders.pricing, last at 2" in line
    assert line.endswith(f" UTC in {logs.estates.folder / 'one.jsonl'}")
    assert outcome.summary.endswith(line)


@pytest.mark.parametrize(
    "more",
    [
        {"exception": "ValueError: Alice Smith"},
        {"exception": "Alice"},
        {"logger": "alice@example.com"},
        {"logger": "Alice Smith"},
        {"logger": "x" * 200},
    ],
)
async def test_what_has_not_the_form_of_a_label_is_not_shown(logs: Logs, more: dict[str, str]) -> None:
    """A logger may be handed anything where the class of an exception or a logger's name should be."""
    logs.usual()
    logs.write("refused", **more)
    assert ": error, last at" in (await logs.check()).details[0]


async def test_a_template_makes_one_kind_of_all_customers(logs: Logs) -> None:
    """Names in words make a kind each; a logger that writes the template spares that."""
    logs.usual()
    for ago, name in ((90, "Alice"), (20, "Bob")):
        logs.write(f"transfer for {name} failed", ago=ago, message_template="transfer for {name} failed")
    assert (await logs.check()).verdict is Verdict.PASS
    logs.write("transfer for Carol failed")
    assert (await logs.check()).verdict is Verdict.FAIL
