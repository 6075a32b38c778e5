"""What is typed wrong at the readiness commands, or stands wrong in a book: said, and nothing is changed."""

from pathlib import Path

import pytest

from tests.cli.shop import BOOK, Say


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("readiness", "shp"), "did you mean 'shop'?"),
        (("readiness", "shop", "--section", "unti"), "did you mean 'unit'?"),
        (("line", "show", "shop/testing/unit/3"), "did you mean 'shop/testing/unit/"),
        (("line", "attest", "shop/testing/unit/2", "--until", "20d", "--link", "https://l"), "TMINUS_KEY"),
        (
            ("line", "attest", "shop/testing/unit/1", "--until", "20d", "--link", "https://l", "--key", "lead"),
            "is observed, not stated",
        ),
        (
            ("line", "attest", "shop/testing/unit/2", "--until", "40d", "--link", "https://l", "--key", "lead"),
            "holds 30d at most",
        ),
        (
            ("line", "attest", "shop/testing/unit/2", "--until", "2020-01-01", "--link", "https://l", "--key", "lead"),
            "in the past",
        ),
        (
            ("line", "attest", "shop/testing/unit/2", "--until", "soon", "--link", "https://l", "--key", "lead"),
            "'soon' is no date",
        ),
        (
            (
                "line",
                "attest",
                "shop/testing/unit/2",
                "--until",
                "2030-01-01T10:00",
                "--link",
                "https://l",
                "--key",
                "lead",
            ),
            "no time zone",
        ),
        *(
            (
                ("line", "attest", "shop/testing/unit/2", "--until", "20d", "--link", link, "--key", "lead"),
                f"{link!r} is no link; write https://…",
            )
            for link in (
                "nonsense",
                "",
                "https://",
                "ftp://ci.example/1",
                "https://ci.example/a b",
                "http://[",
                "ci.example/1",
            )
        ),
        (
            (
                "line",
                "waive",
                "shop/testing/unit/1",
                "--until",
                "9d",
                "--reason",
                "x",
                "--link",
                "wiki",
                "--key",
                "lead",
            ),
            "'wiki' is no link; write https://…",
        ),
        (
            (
                "line",
                "attest",
                "shop/testing/unit/2",
                "--until",
                "20d",
                "--link",
                "https://a:b@ci.example",
                "--key",
                "lead",
            ),
            "the link to ci.example holds a name or a password",
        ),
    ],
)
def test_what_is_typed_wrong_is_said_and_changes_nothing(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], wanted: str
) -> None:
    """One clear sentence, exit 2, and no ledger is made."""
    monkeypatch.delenv("TMINUS_KEY", raising=False)
    given = [str(tmp_path / word) if word == "lead" else word for word in words]

    said = say(*given)

    assert said.exit_code == 2
    assert wanted in said.output
    assert "Traceback" not in said.output
    if words[1] != "show":
        assert not (tmp_path / "ledger.db").exists()


def test_a_mistake_in_a_book_is_said_with_its_line(say: Say, tmp_path: Path) -> None:
    """`file:line:` begins the line, so that editors find it; exit 2."""
    path = tmp_path / "runbooks" / "shop" / "1.yaml"
    path.write_text(BOOK.replace("artifact.tests", "artifact.test"), "utf-8")

    said = say("readiness", "shop")

    assert said.exit_code == 2
    assert f"{path}:14: shop/testing/unit/1" in said.output
    assert "did you mean 'artifact.tests'?" in said.output
