"""What a visitor's ratings say: tables in memory, shown through the same panels as a study's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from plural_core.agreement import (
    alpha_table,
    between_table,
    cooccurrence_table,
    disagreement_table,
    rank_agreement_table,
)
from plural_core.dashboard.guard import guard
from plural_core.dashboard.upload.gate import Upload
from plural_core.dashboard.upload.setup import check_config
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.demographics import DemographicAnalysis, demographic_analysis
from plural_core.ratings.adapters import ingest
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.privacy import ProtectedParticipants, protect
from plural_core.ratings.raw import in_memory
from plural_core.ratings.tables import RatingTables
from plural_core.study import Study

MOST_TO_FIT = 20_000
"""Ratings of a dimension up to which models are fitted here; more belong into plural run."""


@dataclass(frozen=True, eq=False)
class Read:
    """A visitor's file as a study's tables.

    Parameters
    ----------
    study : Study
        Its config; nothing stands in its folders.
    tables : RatingTables
        The tables.
    log : IngestLog
        What was dropped, merged and recoded.
    people : ProtectedParticipants
        Participants with small groups merged.
    """

    study: Study
    tables: RatingTables
    log: IngestLog
    people: ProtectedParticipants

    @property
    def ratings_per_dimension(self) -> int:
        """Ratings of the dimension that has most."""
        return int(self.tables.ratings["dimension"].value_counts().max())


def read_upload(upload: Upload, data: dict[str, Any]) -> Read:
    """Read an uploaded file by a config, in memory.

    Raises
    ------
    ConfigError
        The config does not hold together.
    DataError
        The file does not fit it, with row, column and value.
    """
    config = check_config(data)
    with in_memory({upload.name: upload.data}):
        made = ingest(config)
    people = protect(made.tables.participants, config.factors, config.privacy.k)
    # A folder that cannot be: whatever asks for a file of this study finds none.
    return Read(Study(config, None, Path(os.devnull) / "upload"), made.tables, made.log, people)


def agreement_tables(read: Read) -> dict[str, pd.DataFrame]:
    """Return the tables of disagreement."""
    config, people, tables = read.study.config, read.people, read.tables
    rng = np.random.default_rng(config.seed)
    return {
        "ingest": read.log.to_frame(),
        "disagreement": disagreement_table(tables, config, people),
        "alpha": alpha_table(tables, config, people, rng),
        "between_groups": between_table(tables, config, people, rng),
        "rank_agreement": rank_agreement_table(tables, config, people, rng),
        "cooccurrence": cooccurrence_table(tables, config),
    }


def effect_tables(read: Read) -> tuple[dict[str, pd.DataFrame], DemographicAnalysis]:
    """Fit the models and return their tables."""
    analysis = demographic_analysis(read.tables, read.people, read.study.config)
    return {
        "effects_demographic": analysis.effects,
        "vcov_demographic": analysis.vcov,
        "marginal_probabilities": analysis.marginal_probabilities(),
        "variance_shares": analysis.variances,
    }, analysis


@dataclass(frozen=True, eq=False)
class MemoryView(View):
    """A view whose tables stand in memory instead of a folder."""

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def table(
        self,
        name: str,
        where: Mapping[str, object] | None = None,
        columns: Iterable[str] | None = None,
        order: str = "",
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return rows of a table, guarded and in order as a study's are."""
        rows = self.tables[name]
        for column, value in (where or {}).items():
            options = value if isinstance(value, list | tuple | set | frozenset) else [value]
            rows = rows[rows[column].isin(list(options))]
        if columns is not None:
            rows = rows[list(columns)]
        found = guard(rows.reset_index(drop=True), self.protected, self.study, self.terms)
        table = self.in_order(found.table.sort_values(order)) if order else self.in_order(found.table)
        table = table if limit is None else table.head(limit)
        table.attrs["withheld"] = found.withheld
        return table


def memory_view(read: Read, words: Words, tables: Mapping[str, pd.DataFrame]) -> MemoryView:
    """Return a view of a visitor's ratings."""
    return MemoryView(read.study, words, read.people, True, tables=tables)
