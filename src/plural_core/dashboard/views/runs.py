"""Page 10: what has run, what is missing or failed, and where every table came from."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from plural_core.dashboard import store
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.views.context import View
from plural_core.errors import DataError
from plural_core.io import attempt, read_json
from plural_core.report.write import study_parts
from plural_core.study import Study
from plural_core.workflow.project import project_folder

STATES = ("done", "running", "interrupted", "failed", "missing", "left_out")
_AUDIT, _TUNING = "07", "08"
"""Numbers from which notebooks need declared experiments, and model families beside them."""


@dataclass(frozen=True)
class Step:
    """One notebook of a study, or one part of it where it runs several times.

    Parameters
    ----------
    name : str
        Name of the step, part included.
    notebook : str
        Name of the notebook.
    part : str
        What it is about (a family, an experiment), where it runs several times.
    state : str
        One of `STATES`; ``left_out``: the study does not ask for it.
    """

    name: str
    notebook: str
    part: str
    state: str


def steps(study: Study) -> list[Step]:
    """Return the state of every notebook, told by the files that it leaves; nothing is started to find out.

    Whether results are older than their inputs only the workflow knows (``plural status``).
    """
    sources = sorted(p.stem for p in (project_folder() / "notebooks").glob("*.ipynb"))
    parts = study_parts(study)
    found = [Step("tables", "tables", "", _state(study, "tables", study.table("ratings")))]
    for notebook in sources:
        wanted = _wanted(study, notebook)
        names = [f"{notebook}-{part}" for part in parts if _traces(study, f"{notebook}-{part}")]
        for name in names or [notebook]:
            part = name.removeprefix(notebook).removeprefix("-")
            state = _state(study, name, executed(study, name))
            found.append(Step(name, notebook, part, "left_out" if state == "missing" and not wanted else state))
    return found


def executed(study: Study, name: str) -> Path:
    """Return where the executed notebook of a step stands."""
    return study.report / "notebooks" / f"{name}.ipynb"


def _traces(study: Study, name: str) -> bool:
    marks = (study.logs / f"{name}.{ending}" for ending in ("running", "failed"))
    return executed(study, name).is_file() or any(m.is_file() for m in marks)


def _wanted(study: Study, notebook: str) -> bool:
    config = study.config
    if notebook >= _TUNING:
        return bool(config.models.families and config.tuned_conditions)
    return notebook < _AUDIT or bool(config.experiments)


def _state(study: Study, name: str, result: Path) -> str:
    running = study.logs / f"{name}.running"
    if running.is_file():
        return "running" if _alive(running) else "interrupted"
    if (study.logs / f"{name}.failed").is_file():
        return "failed"
    return "done" if result.is_file() else "missing"


def _alive(marker: Path) -> bool:
    try:
        host, process = marker.read_text(encoding="utf-8").split()
        if host != socket.gethostname():
            return True  # on another machine: only its scheduler knows
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return marker.is_file()
    return True


def status_panel(view: View) -> Panel:
    """Return the state of every step."""
    w = view.words
    rows = [
        {
            "step": step.name,
            "title": notebook_title(step, view),
            "state": step.state,
            "state_label": w(f"runs.states.{step.state}"),
        }
        for step in steps(view.study)
    ]
    table = pd.DataFrame(rows, columns=["step", "title", "state", "state_label"])
    counts = table["state"].value_counts()
    bad = [row for row in rows if row["state"] in ("failed", "interrupted")]
    key = "runs.status.reading_failed" if bad else "runs.status.reading"
    asked = len(table) - int(counts.get("left_out", 0))
    reading = w(key, done=w.count(counts.get("done", 0)), of=w.count(asked), failed=", ".join(r["title"] for r in bad))
    columns = (Column("title", w("columns.step")), Column("state_label", w("columns.state")))
    return Panel("status", w("runs.status.title"), reading, table, columns, note=w("runs.status.note") if bad else "")


def notebook_title(step: Step, view: View) -> str:
    """Return a step's title for readers."""
    title = view.words.named(f"notebooks.{step.notebook}", step.notebook)
    return f"{title}: {step.part}" if step.part else title


def manifests_panel(view: View) -> Panel:
    """Return where every table came from: step, time, seed, version, and the hash of its config sections."""
    w = view.words
    rows = []
    for path in sorted(view.study.tables.glob("*.json")):
        manifest = attempt(read_json, path)
        if isinstance(manifest, dict) and path.stem in store.SHOWN | store.PRIVATE:
            rows.append(
                {
                    "table": path.stem,
                    "step": str(manifest.get("step", "")),
                    "finished": str(manifest.get("finished", "")).replace("T", " ").replace("+00:00", " UTC"),
                    "seed": str(manifest.get("seed", "")),
                    "version": str(manifest.get("version", "")),
                    "config_hash": str(manifest.get("config_hash", "")),
                }
            )
    names = ["table", "step", "finished", "seed", "version", "config_hash"]
    table = pd.DataFrame(rows, columns=names)
    kinds, terms = {"finished": "time"}, {"config_hash": "manifest"}
    columns = tuple(Column(n, w(f"columns.{n}"), kinds.get(n, "text"), term=terms.get(n, "")) for n in names)
    latest = max(table["finished"], default="")
    reading = (
        w("runs.manifests.reading", n=w.count(len(table)), latest=latest) if len(table) else w("runs.manifests.nothing")
    )
    return Panel("manifests", w("runs.manifests.title"), reading, table, columns)


def tunes_panel(view: View) -> Panel:
    """Return what came of every fine-tune."""
    w = view.words
    table = store.read(view.study, "runs")
    labels = view.study.config.condition_labels
    table["condition_label"] = [labels.get(c, c) for c in table["condition"]]
    table["state_label"] = [w.named(f"runs.tunes.{s}", s) for s in table["status"]]
    columns = (
        Column("run_id", w("columns.run")),
        Column("family", w("columns.family"), term="family"),
        Column("condition_label", w("columns.condition"), term="condition"),
        Column("state_label", w("columns.state")),
        Column("seconds", w("columns.seconds"), "number", 1),
        Column("steps", w("columns.steps"), "count", term="updates"),
        Column("tokens", w("columns.tokens"), "count", term="token"),
    )
    done, failed = int((table["status"] == "done").sum()), int((table["status"] == "failed").sum())
    reading = w("runs.tunes.reading", done=w.count(done), of=w.count(len(table)), failed=w.count(failed))
    return Panel(
        "fine-tunes", w("runs.tunes.title"), reading, table.drop(columns=["message"], errors="ignore"), columns
    )


def missing(view: View) -> list[Step]:
    """Return the steps that the study asks for and that have no result: failed, interrupted, running or missing."""
    try:
        return [s for s in steps(view.study) if s.state not in ("done", "left_out")]
    except DataError:
        return []
