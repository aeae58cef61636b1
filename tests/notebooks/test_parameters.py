"""Parameters of notebooks: unknown names and wrong types are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from plural_core.errors import WorkflowError
from plural_core.notebooks import check_parameters, declared_parameters


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cell = nbformat.v4.new_code_cell('config = "configs/tiny.yaml"\nk: int = 10\nshare = 0.5\nseed = None\nall = True')
    cell.metadata["tags"] = ["parameters"]
    path = tmp_path / "99_test.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


def test_declared_parameters_with_their_defaults(notebook: Path) -> None:
    expected = {"config": "configs/tiny.yaml", "k": 10, "share": 0.5, "seed": None, "all": True}
    assert declared_parameters(notebook) == expected


@pytest.mark.parametrize("given", [{}, {"k": 3}, {"share": 1}, {"seed": "x"}, {"all": False, "config": "a.yaml"}])
def test_fitting_parameters_pass(notebook: Path, given: dict[str, Any]) -> None:
    check_parameters(notebook, given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"confg": "a"}, "unknown parameter 'confg'. Did you mean 'config'"),
        ({"k": "ten"}, "parameter 'k' is 'ten', a str; expected a int"),
        ({"k": True}, "parameter 'k' is True"),
        ({"config": 3}, "parameter 'config' is 3"),
        ({"all": 1}, "parameter 'all' is 1"),
    ],
)
def test_others_are_refused_by_name(notebook: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(WorkflowError, match=message):
        check_parameters(notebook, given)


def test_a_notebook_without_parameters_cell_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = 1")]), path)
    with pytest.raises(WorkflowError, match="one cell tagged 'parameters', found 0"):
        declared_parameters(path)
