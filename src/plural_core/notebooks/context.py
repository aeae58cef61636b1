"""The start of every notebook: its study, its tables, and a place for its tables, figures and findings."""

from __future__ import annotations

import html
import os
import types
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from IPython import get_ipython
from IPython.display import Markdown, display
from threadpoolctl import threadpool_limits

from plural_core.errors import PluralError, WorkflowError
from plural_core.figures.theme import mark_simulated
from plural_core.findings import Finding, make_finding, write_findings
from plural_core.io import read_table, write_table, write_text
from plural_core.manifest import now, write_manifest
from plural_core.notebooks.display import figure_bundle, table_html
from plural_core.notebooks.parameters import check_parameters
from plural_core.ratings.privacy import ProtectedParticipants, protect
from plural_core.ratings.schemas import TABLES, check_table
from plural_core.ratings.tables import RatingTables
from plural_core.study import Study, load_study
from plural_core.study.config import OWN_INSTRUMENT
from plural_core.workflow.build import ensure_tables
from plural_core.workflow.project import notebook_path, project_folder

ILLUSTRATIVE = "Illustrative, tiny models"
"""Stands before what tiny models tuned on real ratings show."""


def begin(name: str, namespace: Mapping[str, Any], sections: Sequence[str] = (), part: str = "") -> Notebook:
    """Check the parameters, load the study and return the notebook's context.

    Parameters
    ----------
    name : str
        The notebook's own name, for example ``02_disagreement``.
    namespace : mapping
        ``globals()`` of the notebook: its parameters, and any that were passed in beside them.
    sections : sequence of str
        Sections of the config that its results depend on, beside the data's own.
    part : str
        What this run is about, where the notebook runs several times in a study (a family, an experiment): its
        findings and log files are then called ``<name>-<part>``.

    Raises
    ------
    WorkflowError
        An unknown or mistyped parameter.
    ConfigError, DataError
        The study's config or data cannot be used.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        threadpool_limits(1)  # these problems are small: threads that wait for each other cost more than they give
    given = dict(_parameters(namespace))
    _show_errors_as_one_line(name)
    check_parameters(notebook_path(name), given)
    study = _open_study(str(given["config"]))
    # From here on the error handler knows where plural run and plural status look for its line.
    full_name = f"{name}-{part}" if part else name
    get_ipython().plural_error_file = study.logs / f"{full_name}.error"
    _warnings_to_log(study.logs / f"{full_name}.warnings")
    notebook = Notebook(full_name, study, tuple(sections))
    notebook.show_header()
    return notebook


class Notebook:
    """What a notebook reads, shows and leaves behind.

    Parameters
    ----------
    name : str
        Name of the notebook.
    study : Study
        The study it runs on.
    sections : tuple of str
        Config sections named in the manifests of its tables.
    """

    def __init__(self, name: str, study: Study, sections: tuple[str, ...] = ()) -> None:
        self.name = name
        self.study = study
        self.config = study.config
        self._sections = ("study", "seed", "data", "simulation", "dimensions", "factors", "privacy", *sections)
        self._started = now()
        self._findings: list[Finding] = []
        self._read: set[Path] = set()
        self._saved: list[Path] = []

    @cached_property
    def tables(self) -> RatingTables:
        """Ratings, items and participants, made first where they are missing."""
        tables = ensure_tables(self.study)
        self._read |= {self.study.table(n) for n in ("ratings", "items", "participants")}
        return tables

    @cached_property
    def people(self) -> ProtectedParticipants:
        """Participants with small groups merged; the only view of people that may be shown."""
        privacy = self.config.privacy
        return protect(self.tables.participants, self.config.factors, privacy.k, enabled=privacy.enabled)

    @property
    def labels(self) -> dict[str, str]:
        """Label of each dimension, in the config's order."""
        return {name: dimension.label for name, dimension in self.config.dimensions.items()}

    @property
    def factor_labels(self) -> dict[str, str]:
        """Label of each factor, in the config's order."""
        return {name: factor.label or name.replace("_", " ") for name, factor in self.config.factors.items()}

    def first_family(self) -> str:
        """Return the first of the study's base models, for notebooks run by hand.

        Raises
        ------
        WorkflowError
            The study names none.
        """
        if not self.config.models.families:
            raise WorkflowError(f"{self.name}: the study names no base models (models.families), so none is tuned")
        return self.config.models.families[0]

    def first_experiment(self) -> str:
        """Return the first of the study's experiments, for notebooks run by hand.

        Raises
        ------
        WorkflowError
            The study declares none.
        """
        if not self.config.experiments:
            raise WorkflowError(f"{self.name}: the study declares no experiments, so there is nothing to pool")
        return next(iter(self.config.experiments))

    @property
    def has_paper_instrument(self) -> bool:
        """Whether the study asks what the paper asked, so that the published values can stand beside it."""
        return self.config.data.adapter in OWN_INSTRUMENT

    def with_labels(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the labels of its dimensions and factors instead of their names."""
        known = {
            "dimension": self.labels,
            "row": self.labels,
            "column": self.labels,
            "factor": self.factor_labels,
        }
        return table.assign(**{c: [known[c].get(v, v) for v in table[c]] for c in known if c in table.columns})

    def rng(self) -> np.random.Generator:
        """Return a random generator of the notebook's own: the same for the same study seed."""
        return np.random.default_rng([self.config.seed, zlib.crc32(self.name.encode())])

    @property
    def _about_models(self) -> bool:
        """Whether what the notebook finds is about tuned models; the notebooks from 08 on are, the judges' is not."""
        return self.name >= "08" and not self.name.startswith("11")

    def show_header(self) -> None:
        """Show the lines that stand under every notebook's title."""
        mark = "<strong>Simulated data.</strong> " if self.config.simulated else ""
        if self._about_models and self.config.illustrative:
            mark = f"<strong>{ILLUSTRATIVE}.</strong> They show how the method runs and are no evidence. "
        title, about = html.escape(self.study.title), html.escape(self.config.description)
        display(
            {"text/html": f"<p>{mark}Study <strong>{title}</strong>. {about}</p>", "text/plain": self.study.title},
            raw=True,
        )

    def table(self, name: str) -> pd.DataFrame:
        """Read a table that an earlier step made."""
        path = self.study.table(name)
        self._read.add(path)
        return read_table(path)

    def save(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """Check a result table against its schema and write it, sorted, with its manifest; return it as given."""
        checked = check_table(table, name, self.name)
        path = self.study.table(name)
        write_table(checked, path)
        write_manifest(
            self.study, path, step=self.name, sections=self._sections, inputs=sorted(self._read), started=self._started
        )
        self._saved.append(path)
        return table

    def show(self, figure: go.Figure, reading: str) -> None:
        """Show a figure with the one sentence that says what it shows."""
        if self.config.simulated:
            mark_simulated(figure)
        display(figure_bundle(figure, reading), raw=True)
        display({"text/html": f"<p><em>{html.escape(reading)}</em></p>", "text/plain": reading}, raw=True)

    def show_table(self, table: pd.DataFrame, caption: str, rows: int = 20) -> None:
        """Show the first `rows` rows of a table with a caption; texts are shown as text, never as HTML."""
        display({"text/html": table_html(table, caption, rows), "text/plain": table.head(rows).to_string()}, raw=True)

    def say(self, text: str) -> None:
        """Show sentences that depend on the data, as plain text; an empty line starts a paragraph."""
        paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n") if part.strip())
        if paragraphs:
            display({"text/html": paragraphs, "text/plain": text}, raw=True)

    def nothing(self, reason: str, *tables: str) -> None:
        """Say why a part has no result, and leave its tables empty, so that the rest of the study goes on."""
        self.say(reason)
        for name in tables:
            columns = TABLES[name].schema.columns
            empty = {c: pd.Series(dtype=str(column.dtype)) for c, column in columns.items()}
            self.save(name, pd.DataFrame(empty))

    def finding(
        self,
        id: str,
        sentence: str,
        value: float | None = None,
        ci_low: float | None = None,
        ci_high: float | None = None,
        n: int | None = None,
    ) -> None:
        """Keep a finding and show its sentence."""
        if self._about_models and self.config.illustrative:
            sentence = f"{ILLUSTRATIVE}: {sentence}"
        finding = make_finding(id, sentence, value, ci_low, ci_high, n, simulated=self.config.simulated)
        self._findings = [f for f in self._findings if f.id != id] + [finding]
        quoted = f"<blockquote><p>{html.escape(finding.sentence)}</p></blockquote>"
        display({"text/html": quoted, "text/plain": finding.sentence}, raw=True)

    def finish(self) -> None:
        """Write the findings; called in the last cell."""
        write_findings(self._findings, self.study.findings / f"{self.name}.json")
        n = len(self._findings)
        written = [*(f"`{p.name}`" for p in self._saved), f"{n} finding{'s' * (n != 1)}"]
        display(Markdown(f"Written: {', '.join(written)}."))


def _parameters(namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what the parameter cells have set: everything that is neither IPython's nor imported."""
    shell = {"In", "Out", "exit", "quit", "open", "get_ipython"}
    for name, value in namespace.items():
        imported = name.isupper() or isinstance(value, types.ModuleType) or callable(value)
        if not (name.startswith("_") or name in shell or imported):
            yield name, value


def _open_study(config: str) -> Study:
    """Load a config as given, or the project's own when the notebook runs in its own folder.

    Results of the latter stand at the project's top, wherever the notebook was started.
    """
    path = Path(config)
    below = project_folder() / path
    if path.is_file() or path.is_absolute() or not below.is_file():
        return load_study(path)
    return load_study(below, results=project_folder() / load_study(below).config.results)


def _warnings_to_log(path: Path) -> None:
    """Keep Python's warnings, with their paths and lines of code, out of what readers see."""
    path.unlink(missing_ok=True)

    def write(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as stream:
                stream.write(f"{filename}:{lineno}: {category.__name__}: {message}\n")

    warnings.showwarning = write  # type: ignore[assignment]


def _show_errors_as_one_line(name: str) -> None:
    shell = get_ipython()
    if shell is None:
        raise WorkflowError(f"{name}: begin() runs inside a notebook")

    def handler(self: Any, kind: type, error: BaseException, trace: Any, tb_offset: Any = None) -> list[str]:
        log = getattr(self, "plural_error_file", None)
        if log is not None:
            with suppress(PluralError):
                write_text(str(error) + "\n", log)
        lines = [f"{type(error).__name__}: {error}"]
        self._showtraceback(kind, error, lines)  # IPython leaves showing to the handler
        return lines

    shell.set_custom_exc((PluralError,), handler)
