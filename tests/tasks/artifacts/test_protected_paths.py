"""An OpenAPI description of a stranger is read within bounds before anything is asked by it."""

from pathlib import Path

import pytest

from tasks.artifact_validity import mistake_in
from tasks.web_openapi import protected_paths
from tests.tasks.artifacts.looking import put
from tminus.errors import CouldNotObserve

BEGIN = "openapi: 3.0.0\npaths:\n  /a/{id}:\n    get:\n      security: [{bearer: []}]\n"


def _example(folder: Path, example: str, before: str = "") -> tuple[str, ...]:
    put(folder, "api.yaml", f"{before}{BEGIN}      parameters: [{{name: id, in: path, example: {example}}}]\n")
    return protected_paths(folder, "api.yaml")


@pytest.mark.parametrize(
    ("example", "path"),
    [("17", "/a/17"), ("a b", "/a/a%20b"), ("2026-01-01", "/a/2026-01-01"), ("true", "/a/true")]
    + [(foreign, "/a/1") for foreign in ("[1, 2]", "{a: b}", "null", "x" * 500, "0x" + "f" * 5000)],
)
def test_an_example_fills_a_path_where_it_is_one_word(tmp_path: Path, example: str, path: str) -> None:
    """Lists, objects and what is longer than any path do not."""
    assert _example(tmp_path, example) == (path,)


def test_aliases_that_mean_millions_of_values_are_not_followed(tmp_path: Path) -> None:
    """Nine of ten of ten of ten …: refused by the bounded reader."""
    lines = ["x-a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"x-a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(CouldNotObserve, match="aliases"):
        _example(tmp_path, "*a8", "\n".join(lines) + "\n")


@pytest.mark.parametrize("name", ["../api.yaml", "link.yaml", "none.yaml"])
def test_a_description_outside_of_the_folder_is_not_read(tmp_path: Path, name: str) -> None:
    """Nor one that is not there."""
    put(tmp_path, "api.yaml", BEGIN)
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "link.yaml").symlink_to("../api.yaml")
    with pytest.raises(CouldNotObserve):
        protected_paths(folder, name)


async def test_a_number_beyond_all_length_is_refused() -> None:
    """Python itself refuses to write it out."""
    with pytest.raises(CouldNotObserve, match="beyond what is validated"):
        await mistake_in({"openapi": "3.0.0", "x": 16**5000}, "api.yaml")
