"""Findings as a short table in a terminal."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plural_core.findings import SIMULATED_PREFIX
from plural_core.findings_choice import choose_findings
from plural_core.study import Study


def print_findings(findings: pd.DataFrame, study: Study, console: Console | None = None) -> None:
    """Print ten sentences of a study's findings, each with the notebook it comes from.

    Parameters
    ----------
    findings : DataFrame
        As `plural_core.findings.read_findings` returns them.
    study : Study
        The study; a simulated one is marked once, in the title.
    console : Console, optional
        Where to print.
    """
    console = console or Console(width=None, highlight=False)
    if findings.empty:
        console.print("No findings yet.")
        return
    mark = "Findings (simulated data)" if study.config.simulated else "Findings"
    table = Table(title=mark, title_justify="left", show_lines=False, pad_edge=False)
    table.add_column("notebook", style="dim", no_wrap=True)
    table.add_column("finding")
    shown = choose_findings(findings)
    for row in shown.itertuples():
        table.add_row(Text(str(row.notebook)), Text(str(row.sentence).removeprefix(SIMULATED_PREFIX)))
    console.print(table)
    if len(findings) > len(shown):
        console.print(f"and {len(findings) - len(shown)} more in the report.")
