"""The pages' frame: head, banner, navigation, findings; all text from data is escaped."""

from __future__ import annotations

import html
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from plural_core import __version__
from plural_core.findings import SIMULATED_PREFIX
from plural_core.notebooks.display import format_number
from plural_core.study import Study

if TYPE_CHECKING:
    from plural_core.report.write import Page

CITATION = (
    "Ali, D., Zhao, D., Koenecke, A. & Papakyriakopoulos, O. (2025). Operationalizing Pluralistic Values in Large "
    "Language Model Alignment Reveals Trade-offs in Safety, Inclusivity, and Model Behavior. arXiv:2511.14476"
)
_SIMULATED = (
    "<strong>Simulated data.</strong> No person rated anything here: the ratings come from a model whose truth is "
    "known. They check the method and are not evidence about people."
)


def notebook_page(study: Study, page: Page, pages: list[Page]) -> str:
    """Return the page of one notebook."""
    first = {p.notebook: p for p in reversed(pages)}
    links = "".join(_link(p, p.title, p.notebook == page.notebook) for p in reversed(first.values()))
    parts = [p for p in pages if p.notebook == page.notebook and p.part]
    inner = "".join(_link(p, p.part, p.name == page.name) for p in parts)
    parts_nav = f'<nav class="parts" aria-label="Parts of this page">{inner}</nav>' if len(parts) > 1 else ""
    body = (
        f'<nav aria-label="Pages"><a href="index.html">Overview</a>{links}</nav>{parts_nav}'
        f'<label class="code-switch"><input type="checkbox" id="code"> Show code</label>'
        f"<main>{page.body}</main>"
    )
    return _frame(study, f"{_title(page)} · {study.title}", body, plotly=True)


def _title(page: Page) -> str:
    return f"{page.title}: {page.part}" if page.part else page.title


def _link(page: Page, text: str, current: bool) -> str:
    return f'<a href="{page.name}.html"{" aria-current=page" if current else ""}>{html.escape(text)}</a>'


def index_page(study: Study, pages: list[Page], findings: pd.DataFrame, counts: dict[str, int]) -> str:
    """Return the overview: what was asked of whom, the findings, the pages, what is missing.

    Parameters
    ----------
    study : Study
        The study.
    pages : list of Page
        Every notebook of the project, run or not.
    findings : DataFrame
        As `plural_core.findings.read_findings` returns them.
    counts : dict
        Rows of the three tables, as far as they are there.
    """
    titles = {page.name: _title(page) for page in pages}
    facts = "".join(
        f"<div><dt>{label}</dt><dd>{counts[name]:,}</dd></div>"
        for name, label in (("participants", "participants"), ("items", "items"), ("ratings", "ratings"))
        if name in counts
    )
    dimensions = ", ".join(html.escape(d.label) for d in study.config.dimensions.values())
    facts += f"<div><dt>dimensions</dt><dd>{len(study.config.dimensions)}</dd></div>"
    rows = "".join(_finding_row(row, titles) for row in findings.itertuples())
    by_notebook: dict[str, list[Page]] = {}
    for page in pages:
        by_notebook.setdefault(page.notebook, []).append(page)
    listed = "".join(_listing(parts) for parts in by_notebook.values())
    body = (
        f"<main><h1>{html.escape(study.title)}</h1><p>{html.escape(study.config.description)}</p>"
        f'<dl class="facts">{facts}</dl><p>Rated: {dimensions}.</p>'
        f"<h2>Findings</h2>{_findings_table(rows)}"
        f'<h2>Pages</h2><ul class="pages">{listed}</ul>'
        f"<h2>Privacy</h2><p>{html.escape(_privacy(study))}</p>"
        f"<h2>Method and citation</h2><p>{html.escape(CITATION)}.</p></main>"
    )
    return _frame(study, study.title, body, plotly=False)


def _findings_table(rows: str) -> str:
    if not rows:
        return "<p>No findings yet.</p>"
    return (
        '<table class="plural-table findings"><thead><tr><th scope="col">Finding</th>'
        '<th scope="col" class="number">Value</th><th scope="col" class="number">95 % interval</th>'
        '<th scope="col" class="number">n</th><th scope="col">From</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _finding_row(row: object, titles: dict[str, str]) -> str:
    sentence = html.escape(str(getattr(row, "sentence", "")))
    if sentence.startswith(SIMULATED_PREFIX):
        sentence = f"<em>{SIMULATED_PREFIX.strip()}</em> {sentence.removeprefix(SIMULATED_PREFIX)}"
    numbers = [getattr(row, name, None) for name in ("value", "ci_low", "ci_high")]
    beside = max((abs(v) for v in numbers if isinstance(v, int | float) and v == v), default=0.0)
    value, low, high = (_number(v, beside) for v in numbers)
    n = getattr(row, "n", None)
    count = f"{int(n):,}" if isinstance(n, int | float) and n == n else "–"
    interval = f"{low} to {high}" if low and high else "–"
    notebook = html.escape(str(getattr(row, "notebook", "")))
    title = html.escape(titles.get(notebook, notebook))
    cells = "".join(f'<td class="number">{cell}</td>' for cell in (value or "–", interval, count))
    return f'<tr><td>{sentence}</td>{cells}<td><a href="{notebook}.html">{title}</a></td></tr>'


def _number(value: object, beside: float) -> str:
    if not isinstance(value, int | float) or value != value:
        return ""
    return format_number(float(value), beside)


def _listing(parts: list[Page]) -> str:
    page = parts[0]
    title, question = html.escape(page.title), html.escape(page.question)
    if page.body is None:
        return f"<li><strong>{title}</strong> (not run in this study)<br>{question}</li>"
    if page.part:
        links = " · ".join(_link(p, p.part, False) for p in parts)
        return f"<li><strong>{title}</strong>: {links}<br>{question}</li>"
    return f"<li>{_link(page, page.title, False)}<br>{question}</li>"


def _privacy(study: Study) -> str:
    privacy = study.config.privacy
    if not privacy.enabled:
        return "Suppression of small groups is switched off: the people of this study are simulated."
    return (
        f"Groups are merged until every cell that is shown holds 0 or at least {privacy.k} participants. "
        "Participant ids and single persons' ratings are never shown."
    )


def _frame(study: Study, title: str, body: str, *, plotly: bool) -> str:
    style = files("plural_core.report").joinpath("style.css").read_text(encoding="utf-8")
    script = '<script src="plotly.min.js"></script>' if plotly else ""
    banner = f'<p class="banner" role="note">{_SIMULATED}</p>' if study.config.simulated else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{style}</style>{script}</head>"
        f"<body>{banner}{body}<footer>plural {html.escape(__version__)} · study {html.escape(study.name)} · "
        f"seed {study.config.seed}</footer></body></html>\n"
    )
