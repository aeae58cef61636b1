"""Parameters of a notebook: unknown names and wrong types are errors (papermill itself only warns)."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from plural_core.errors import WorkflowError, nearest


def declared_parameters(notebook: Path) -> dict[str, Any]:
    """Return the parameters that a notebook declares, with their defaults.

    Parameters
    ----------
    notebook : Path
        A notebook with exactly one cell tagged ``parameters``, holding assignments of literals.

    Raises
    ------
    WorkflowError
        There is no such cell, or it holds something else.
    """
    document = nbformat.read(notebook, as_version=4)
    cells = [c for c in document.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise WorkflowError(f"{notebook}: expected one cell tagged 'parameters', found {len(cells)}")
    declared: dict[str, Any] = {}
    for node in ast.parse(cells[0].source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or value is None:
            raise WorkflowError(f"{notebook}: its parameters cell may hold only lines such as name = value")
        declared[target.id] = ast.literal_eval(value)
    return declared


def check_parameters(notebook: Path, given: Mapping[str, Any]) -> None:
    """Check parameters against what the notebook declares.

    Raises
    ------
    WorkflowError
        A name that the notebook does not declare (with the nearest one), or a value whose type differs from
        the default's (whole numbers pass where the default is a fraction; None accepts any type).
    """
    declared = declared_parameters(notebook)
    for name, value in given.items():
        if name not in declared:
            raise WorkflowError(
                f"{notebook.name}: unknown parameter '{name}'.{nearest(name, declared)} "
                f"Known: {', '.join(declared) or 'none'}"
            )
        default = declared[name]
        if not _same_kind(default, value):
            raise WorkflowError(
                f"{notebook.name}: parameter '{name}' is {value!r}, a {type(value).__name__}; "
                f"expected a {type(default).__name__} such as {default!r}"
            )


def _same_kind(default: Any, value: Any) -> bool:
    if default is None or value is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))
