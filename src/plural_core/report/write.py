"""Executed notebooks to HTML pages with one index; plotly.js stands beside them once, so they open offline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from plotly.offline import get_plotlyjs

from plural_core.errors import WorkflowError
from plural_core.findings import read_findings
from plural_core.findings_choice import write_chosen
from plural_core.io import attempt, read_table, write_text
from plural_core.report.html import index_page, notebook_page
from plural_core.study import Study
from plural_core.training.plan import n_jobs
from plural_core.workflow.project import project_folder


@dataclass(frozen=True)
class Page:
    """One executed notebook in the report.

    Parameters
    ----------
    name : str
        Name of the notebook, for example ``02_disagreement``, with its part behind it.
    title : str
        Its first heading.
    question : str
        The first paragraph under "Question".
    body : str or None
        Its HTML, or None where it has not been run.
    part : str
        What this run of the notebook is about (a family, a job, an experiment), where it runs several times.
    """

    name: str
    title: str
    question: str
    body: str | None
    part: str = ""

    @property
    def notebook(self) -> str:
        """Name of the notebook without the part."""
        return self.name.removesuffix(f"-{self.part}") if self.part else self.name


def write_report(study: Study) -> Path:
    """Write ``report/index.html`` and a page per executed notebook; returns the index.

    Raises
    ------
    WorkflowError
        No notebook has been run yet.
    """
    sources = sorted((project_folder() / "notebooks").glob("*.ipynb"))
    pages = [page for source in sources for page in _pages(source, study)]
    done = [page for page in pages if page.body is not None]
    if not done:
        raise WorkflowError(f"{study.report}: no notebook has been run yet; plural run CONFIG first")
    write_chosen(study)
    write_text(get_plotlyjs(), study.report / "plotly.min.js")
    for page in done:
        write_text(notebook_page(study, page, done), study.report / f"{page.name}.html")
    tables = {name: attempt(read_table, study.table(name)) for name in ("ratings", "items", "participants")}
    counts = {name: len(table) for name, table in tables.items() if table is not None}
    index = study.report / "index.html"
    write_text(index_page(study, pages, read_findings(study.findings), counts), index)
    return index


def _pages(source: Path, study: Study) -> list[Page]:
    """Return the page of a notebook, or one per part where it runs several times in a study."""
    title, question = _title_and_question(nbformat.read(source, as_version=4), source.stem)
    folder = study.report / "notebooks"
    if (folder / source.name).is_file():
        return [Page(source.stem, title, question, _body(folder / source.name))]
    parts = [part for part in study_parts(study) if (folder / f"{source.stem}-{part}.ipynb").is_file()]
    if not parts:
        return [Page(source.stem, title, question, None)]
    names = [f"{source.stem}-{part}" for part in parts]
    return [
        Page(name, title, question, _body(folder / f"{name}.ipynb"), part)
        for name, part in zip(names, parts, strict=True)
    ]


def study_parts(study: Study) -> list[str]:
    """Return what notebooks of a study may be about: its families, their jobs, its experiments."""
    config = study.config
    jobs = [f"{family}-{job}" for family in config.models.families for job in range(n_jobs(config))]
    return [*config.models.families, *jobs, *config.experiments]


def _body(executed: Path) -> str:
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    notebook = nbformat.read(executed, as_version=4)
    notebook.cells = [c for c in notebook.cells if "parameters" not in c.metadata.get("tags", [])]
    body, _ = exporter.from_notebook_node(notebook)
    return str(body)


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
