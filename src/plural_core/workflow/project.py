"""Where the project's notebooks and workflow stand: in a checkout, or inside an installed package."""

from __future__ import annotations

from pathlib import Path

import plural_core
from plural_core.errors import WorkflowError, nearest


def project_folder() -> Path:
    """Return the folder that holds ``notebooks/`` and ``workflow/``.

    Raises
    ------
    WorkflowError
        Neither a checkout nor an installed copy is there.
    """
    package = Path(plural_core.__file__).resolve().parent
    for folder in (package.parents[1], package / "_project"):
        if (folder / "workflow" / "Snakefile").is_file():
            return folder
    raise WorkflowError("the workflow's files are missing; install plural again (make install)")


def notebook_path(name: str) -> Path:
    """Return the source of a notebook, for example ``02_disagreement``.

    Raises
    ------
    WorkflowError
        There is no such notebook.
    """
    folder = project_folder() / "notebooks"
    path = folder / f"{name}.ipynb"
    if not path.is_file():
        known = sorted(p.stem for p in folder.glob("*.ipynb"))
        raise WorkflowError(f"{path}: there is no such notebook.{nearest(name, known)}")
    return path
