"""The three tables of a study: load, validate, save. Nothing else in the code reads a raw file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from plural_core.errors import DataError, listing, nearest
from plural_core.io import read_table, write_table
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.schemas import check_table
from plural_core.study import Study, StudyConfig
from plural_core.study.config import STANDARD_FACTORS


@dataclass(frozen=True)
class RatingTables:
    """What people said, about what, and who they are.

    Parameters
    ----------
    ratings : DataFrame
        participant_id, item_id, dimension, rating (level number from 1), position (recorded order).
    items : DataFrame
        item_id, prompt_id, prompt, response, language, source.
    participants : DataFrame
        participant_id, one column per factor (missing = not stated), passed_attention.
    """

    ratings: pd.DataFrame
    items: pd.DataFrame
    participants: pd.DataFrame

    def validate(self, config: StudyConfig, where: str = "") -> RatingTables:
        """Check the three tables against their schemas, each other and the config; return them sorted.

        Raises
        ------
        DataError
            A schema fault, an unknown dimension, a rating outside its scale, a rating whose item or
            participant is unknown, or no rating at all.
        """
        prefix = f"{where}: " if where else ""
        items = check_table(self.items, "items", where)
        participants = check_table(self.participants, "participants", where)
        ratings = check_table(self.ratings, "ratings", where)
        if ratings.empty:
            raise DataError(
                f"{prefix}no ratings are left: every one is missing or was dropped; correct the file, its columns, or "
                "data.missing and data.keep_failed_attention"
            )
        _check_known(ratings, "item_id", items, prefix)
        _check_known(ratings, "participant_id", participants, prefix)
        _check_scales(ratings, config, prefix)
        _check_levels(participants, config, prefix)
        return RatingTables(ratings, items, participants)

    def save(self, study: Study) -> None:
        """Write the three tables under ``results/<study>/tables/``, each atomically."""
        # Ratings last: the workflow takes its file as the sign that all three are there.
        write_table(self.participants, study.table("participants"))
        write_table(self.items, study.table("items"))
        write_table(self.ratings, study.table("ratings"))

    @classmethod
    def load(cls, study: Study) -> RatingTables:
        """Read the three tables of a study and check them."""
        tables = cls(*(read_table(study.table(name)) for name in ("ratings", "items", "participants")))
        participants = tables.participants.assign(
            passed_attention=tables.participants["passed_attention"].astype("boolean")
        )
        return replace(tables, participants=participants).validate(study.config, str(study.tables))

    def wide(self, factors: list[str] | None = None) -> pd.DataFrame:
        """Return ratings joined with factors of participants, one row per rating.

        Parameters
        ----------
        factors : list of str, optional
            Columns of participants to join (default: every one but ``passed_attention``).
        """
        names = factors if factors is not None else factor_columns(self.participants)
        codes = pd.Index(self.participants["participant_id"]).get_indexer(self.ratings["participant_id"])
        joined = {name: self.participants[name].to_numpy()[codes] for name in names}
        return self.ratings.assign(**joined)


@dataclass(frozen=True)
class Ingested:
    """Tables as an adapter or the simulation made them, with the log of what happened on the way."""

    tables: RatingTables
    log: IngestLog


def factor_columns(participants: pd.DataFrame) -> list[str]:
    """Return the columns of `participants` that describe people."""
    return [c for c in participants.columns if c not in ("participant_id", "passed_attention")]


def complete_participants(participants: pd.DataFrame) -> pd.DataFrame:
    """Add the standard columns that a source does not record, all missing, and fix types and order."""
    table = participants.copy()
    for name in STANDARD_FACTORS:
        if name not in table.columns:
            table[name] = None
    if "passed_attention" not in table.columns:
        table["passed_attention"] = pd.NA
    table["passed_attention"] = table["passed_attention"].astype("boolean")
    further = [c for c in factor_columns(table) if c not in STANDARD_FACTORS]
    for name in (*STANDARD_FACTORS, *further):
        values = table[name].to_numpy(dtype=object, copy=True)
        values[pd.isna(values)] = None
        table[name] = values
    return table[["participant_id", *STANDARD_FACTORS, *further, "passed_attention"]]


def _check_known(ratings: pd.DataFrame, column: str, known: pd.DataFrame, prefix: str) -> None:
    found = pd.Index(known[column]).get_indexer(ratings[column])
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        kind = column.removesuffix("_id")
        value = ratings[column].iloc[row]
        raise DataError(
            f"{prefix}table 'ratings', row {row + 1}, column '{column}', value {value!r}: "
            f"no such {kind} in table '{kind}s'"
        )


def _check_scales(ratings: pd.DataFrame, config: StudyConfig, prefix: str) -> None:
    codes, names = pd.factorize(ratings["dimension"])
    for name in names:
        if name not in config.dimensions:
            raise DataError(
                f"{prefix}table 'ratings', column 'dimension', value {name!r}: not a dimension of the config."
                f"{nearest(name, config.dimensions)}"
            )
    levels = np.array([config.dimensions[name].levels for name in names])
    rating = ratings["rating"].to_numpy()
    outside = rating > levels[codes]
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(
            f"{prefix}table 'ratings', row {row + 1}, column 'rating', value {rating[row]}: outside the scale "
            f"of '{names[codes[row]]}', 1 to {levels[codes[row]]}"
        )


def _check_levels(participants: pd.DataFrame, config: StudyConfig, prefix: str) -> None:
    for name, factor in config.factors.items():
        if name not in participants.columns:
            raise DataError(
                f"{prefix}table 'participants' has no column '{name}', a factor of the config."
                f"{nearest(name, factor_columns(participants))}"
            )
        present = participants[name].dropna().unique().tolist()
        if factor.levels is not None:
            for level in present:
                if level not in factor.levels:
                    row = int(np.argmax((participants[name] == level).to_numpy()))
                    raise DataError(
                        f"{prefix}table 'participants', row {row + 1}, column '{name}', value {level!r}: not a "
                        f"level of the config ({listing(factor.levels)}).{nearest(level, factor.levels)} "
                        f"Add it to factors.{name}.levels or recode it under factors.{name}.recode"
                    )
        # A factor with one level in the data (a survey of one country) has no contrast, so no reference either.
        if factor.reference is not None and len(present) > 1 and factor.reference not in present:
            raise DataError(
                f"{prefix}factors.{name}.reference: unknown level '{factor.reference}'."
                f"{nearest(factor.reference, present)} Levels in the data: {listing(sorted(present))}"
            )
