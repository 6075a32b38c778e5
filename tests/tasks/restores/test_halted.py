"""What a book takes for trading being halted: a check that there is, with parameters that it takes."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from tasks.checks.railway import Services
from tasks.restores.halted import check_of
from tminus.backups.book import BackupBook
from tminus.backups.halted import Halted
from tminus.errors import UsageError
from tminus.yaml_source import Source

BOOK = Path(__file__).parents[3] / "runbooks" / "tradesense" / "backups.yaml"


def halted(check: str = "sql.query", **given: object) -> Halted:
    """By a query."""
    return Halted.model_validate(
        {"check": check, "with": given or {"database": "main", "query": "SELECT 0"}, "expect": {"value": "= 0"}}
    )


def test_the_shipped_book_has_one() -> None:
    """TradeSense's asks Railway whether the services are stopped, and so nothing that is lost with a database."""
    book = Source.read(BOOK).load(BackupBook)
    assert book.halted is not None
    check = check_of(book.halted)
    assert isinstance(check, Services)
    assert set(check.expect) == {"stopped"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (halted("sql.querry"), "did you mean 'sql.query'"),
        (halted("postgres.backup"), "no check is called 'postgres.backup'"),
        (halted(database="main"), "query: Field required"),
        (halted(database="main", query="DELETE FROM orders"), "query"),
    ],
)
def test_what_is_none_is_refused(wrong: Halted, said: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(UsageError, match=said):
        check_of(wrong)


def test_validate_finds_it(tmp_path: Path) -> None:
    """With the line at which it stands."""
    text = BOOK.read_text("utf-8").replace("check: railway.services", "check: railway.service")
    (tmp_path / "backups.yaml").write_text(text, "utf-8")
    found = CliRunner().invoke(main, ["validate", str(tmp_path / "backups.yaml")])
    assert found.exit_code == 2
    assert "halted: no check is called 'railway.service'" in found.output
    assert CliRunner().invoke(main, ["validate", str(BOOK)]).exit_code == 0
