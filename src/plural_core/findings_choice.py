"""Ten sentences that a stakeholder can quote, chosen among the findings of all notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from plural_core.findings import read_findings
from plural_core.io import write_json, write_text
from plural_core.study import Study

MOST = 10
PREFERRED = (
    ("02_disagreement", 2),
    ("04_demographic_effects", 2),
    ("13_pool", 4),
    ("14_size_control", 1),
    ("15_reproduction", 1),
    ("11_judge_validation", 1),
    ("07_audit", 1),
    ("10_evaluate", 1),
    ("03_dimensions", 1),
    ("06_power", 1),
    ("01_quality", 1),
)
"""Notebooks in the order in which they get a place, with their share; what is left over goes round again."""


def choose_findings(findings: pd.DataFrame, most: int = MOST) -> pd.DataFrame:
    """Return the findings to quote, in the order of the notebooks.

    Parameters
    ----------
    findings : DataFrame
        From `read_findings`: notebook, id, sentence, value, ci_low, ci_high, n. A notebook's own order is its order
        of importance.
    most : int
        How many at most.

    Notes
    -----
    Findings with an interval come before those without. A notebook that runs once per experiment gives its places to
    the experiments in turn.
    """
    if findings.empty:
        return findings
    ranked = findings.assign(
        order=range(len(findings)),
        source=[_source(name) for name in findings["notebook"]],
        without=findings["ci_low"].isna(),
    )
    ranked["turn"] = ranked.sort_values(["without", "order"]).groupby("notebook", sort=False).cumcount()
    ranked = ranked.sort_values(["without", "turn", "order"], kind="stable")
    queues = {source: list(part.index) for source, part in ranked.groupby("source", sort=False)}
    chosen: list[Any] = []
    shares = dict(PREFERRED) | {source: 1 for source in queues if source not in dict(PREFERRED)}
    while len(chosen) < most and any(queues.values()):
        for source, share in shares.items():
            queue = queues.get(source, [])
            for _ in range(min(share, most - len(chosen), len(queue))):
                chosen.append(queue.pop(0))
    return findings.loc[sorted(chosen)].reset_index(drop=True)


def write_chosen(study: Study) -> Path:
    """Write ``findings.json`` and ``findings.md`` into the study's folder; returns the latter."""
    chosen = choose_findings(read_findings(study.findings))
    rows = [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in chosen.to_dict("records")
    ]
    write_json(rows, study.root / "findings.json")
    lines = [f"# {study.title}", ""]
    lines += [f"{number}. {row['sentence']} ({row['notebook']})" for number, row in enumerate(rows, start=1)]
    path = study.root / "findings.md"
    write_text("\n".join(lines) + "\n", path)
    return path


def _source(notebook: str) -> str:
    """Return a notebook's name without the part that it ran for."""
    return notebook.split("-", 1)[0]
