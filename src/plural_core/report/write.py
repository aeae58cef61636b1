"""Executed notebooks to HTML pages with one index; plotly.js stands beside them once, so they open offline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from plotly.offline import get_plotlyjs

from plural_core.errors import WorkflowError
from plural_core.findings import read_findings
from plural_core.io import attempt, read_table, write_text
from plural_core.report.html import index_page, notebook_page
from plural_core.study import Study
from plural_core.workflow.project import project_folder


@dataclass(frozen=True)
class Page:
    """One notebook in the report.

    Parameters
    ----------
    name : str
        Name of the notebook, for example ``02_disagreement``.
    title : str
        Its first heading.
    question : str
        The first paragraph under "Question".
    body : str or None
        Its HTML, or None where it has not been run.
    """

    name: str
    title: str
    question: str
    body: str | None


def write_report(study: Study) -> Path:
    """Write ``report/index.html`` and a page per executed notebook; returns the index.

    Raises
    ------
    WorkflowError
        No notebook has been run yet.
    """
    pages = [_page(source, study) for source in sorted((project_folder() / "notebooks").glob("*.ipynb"))]
    done = [page for page in pages if page.body is not None]
    if not done:
        raise WorkflowError(f"{study.report}: no notebook has been run yet; plural run CONFIG first")
    write_text(get_plotlyjs(), study.report / "plotly.min.js")
    for page in done:
        write_text(notebook_page(study, page, done), study.report / f"{page.name}.html")
    tables = {name: attempt(read_table, study.table(name)) for name in ("ratings", "items", "participants")}
    counts = {name: len(table) for name, table in tables.items() if table is not None}
    index = study.report / "index.html"
    write_text(index_page(study, pages, read_findings(study.findings), counts), index)
    return index


def _page(source: Path, study: Study) -> Page:
    document = nbformat.read(source, as_version=4)
    title, question = _title_and_question(document, source.stem)
    executed = study.report / "notebooks" / source.name
    if not executed.is_file():
        return Page(source.stem, title, question, None)
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    notebook = nbformat.read(executed, as_version=4)
    notebook.cells = [c for c in notebook.cells if "parameters" not in c.metadata.get("tags", [])]
    body, _ = exporter.from_notebook_node(notebook)
    return Page(source.stem, title, question, body)


def _title_and_question(document: nbformat.NotebookNode, name: str) -> tuple[str, str]:
    text = "\n\n".join(cell.source for cell in document.cells if cell.cell_type == "markdown")
    lines = [line.strip() for line in text.splitlines()]
    title = next((line.removeprefix("# ") for line in lines if line.startswith("# ")), name)
    start = next((i for i, line in enumerate(lines) if line.lower() == "## question"), None)
    paragraph: list[str] = []
    for line in lines[start + 1 :] if start is not None else []:
        if (not line and paragraph) or line.startswith("#"):
            break
        if line:
            paragraph.append(line)
    return title, " ".join(paragraph)
