"""Pandera schemas of every table, with owner and meaning; ``docs/tables.md`` lists the same."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa

from plural_core.errors import DataError
from plural_core.ratings.ingest import ACTIONS


@dataclass(frozen=True)
class TableSpec:
    """What a table is.

    Parameters
    ----------
    name : str
        File name without ending, under ``results/<study>/tables/``.
    owner : str
        The step that writes it.
    meaning : str
        One sentence for readers.
    key : tuple of str
        Columns that identify a row; rows are sorted by them.
    schema : pandera.DataFrameSchema
        Columns, types and ranges.
    """

    name: str
    owner: str
    meaning: str
    key: tuple[str, ...]
    schema: pa.DataFrameSchema


def _text(nullable: bool = False, among: tuple[str, ...] = ()) -> pa.Column:
    return pa.Column(object, [pa.Check.isin(among)] if among else [], nullable=nullable)


def _number(low: float | None = None, high: float | None = None, nullable: bool = True) -> pa.Column:
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low))
    if high is not None:
        checks.append(pa.Check.le(high))
    return pa.Column(float, checks, nullable=nullable)


def _count() -> pa.Column:
    return pa.Column(int, pa.Check.ge(0))


def _table(
    name: str,
    owner: str,
    meaning: str,
    key: tuple[str, ...],
    columns: dict[str, pa.Column],
    open_: bool = False,
) -> TableSpec:
    schema = pa.DataFrameSchema(columns, name=name, strict=not open_, unique=list(key) or None, ordered=False)
    return TableSpec(name, owner, meaning, key, schema)


_INTERVAL = {"ci_low": _number(), "ci_high": _number()}
_PAIR = {name: _text() for name in ("dimension", "factor", "level_a", "level_b")}
_PEOPLE = pa.Column("Int64", pa.Check.ge(0), nullable=True)

TABLES: dict[str, TableSpec] = {
    spec.name: spec
    for spec in [
        _table(
            "ratings",
            "tables",
            "What each participant said about each item, one row per dimension.",
            ("participant_id", "item_id", "dimension"),
            {
                "participant_id": _text(),
                "item_id": _text(),
                "dimension": _text(),
                "rating": pa.Column(int, pa.Check.ge(1)),
                "position": pa.Column(int, pa.Check.ge(1)),
            },
        ),
        _table(
            "items",
            "tables",
            "What was rated: a response to a prompt.",
            ("item_id",),
            {
                "item_id": _text(),
                "prompt_id": _text(),
                "prompt": _text(nullable=True),
                "response": _text(nullable=True),
                "language": _text(nullable=True),
                "source": _text(nullable=True),
            },
        ),
        _table(
            "participants",
            "tables",
            "Who rated; further categorical columns of the study stand beside the five standard ones.",
            ("participant_id",),
            {
                "participant_id": _text(),
                "country": _text(nullable=True),
                "gender": _text(nullable=True),
                "age_band": _text(nullable=True),
                "political": _text(nullable=True),
                "ethnicity": _text(nullable=True),
                "passed_attention": pa.Column(pd.BooleanDtype(), nullable=True),
            },
            open_=True,
        ),
        _table(
            "ingest",
            "tables",
            "What the adapter dropped, recoded, merged, resolved or noticed.",
            ("order",),
            {
                "order": _count(),
                "action": _text(among=ACTIONS),
                "what": _text(),
                "n": _count(),
                "of": pa.Column("Int64", pa.Check.ge(0), nullable=True),
                "note": _text(),
            },
        ),
        _table(
            "truth_items",
            "tables",
            "Simulated studies: strength of each item's text, its logits at slope 1, and the further item effect.",
            ("item_id", "dimension"),
            {
                "item_id": _text(),
                "dimension": _text(),
                "strength": _number(-1.0, 1.0, nullable=False),
                "content": _number(nullable=False),
                "item_effect": _number(nullable=False),
            },
        ),
        _table(
            "truth_participants",
            "tables",
            "Simulated studies: each participant's shift, slope and rater effect, from what they are, stated or not.",
            ("participant_id", "dimension"),
            {
                "participant_id": _text(),
                "dimension": _text(),
                "shift": _number(nullable=False),
                "slope": _number(nullable=False),
                "rater_effect": _number(nullable=False),
            },
        ),
        _table(
            "truth_effects",
            "tables",
            "Simulated studies: each level's shift and slope, and its log odds against the reference level.",
            ("dimension", "factor", "level"),
            {
                "dimension": _text(),
                "factor": _text(),
                "level": _text(),
                "term": _text(nullable=True),
                "shift": _number(nullable=False),
                "slope": _number(nullable=False),
                "estimate": _number(nullable=False),
                "percent_change": _number(-100.0, nullable=False),
            },
        ),
        _table(
            "truth_thresholds",
            "tables",
            "Simulated studies: the thresholds of the cumulative link mixed model, in logits.",
            ("dimension", "threshold"),
            {"dimension": _text(), "threshold": _text(), "value": _number(nullable=False)},
        ),
        _table(
            "truth_variances",
            "tables",
            "Simulated studies: standard deviations of rater and item effects in logits, the item's by its sources.",
            ("dimension", "component"),
            {
                "dimension": _text(),
                "component": _text(among=("participant", "item", "item_text", "item_residual")),
                "sd": _number(0.0, nullable=False),
            },
        ),
        _table(
            "truth_population",
            "tables",
            "Simulated studies: share and number of participants with each level, by country, stated or not.",
            ("country", "factor", "level"),
            {
                "country": _text(),
                "factor": _text(),
                "level": _text(),
                "share": _number(0.0, 1.0, nullable=False),
                "n": _count(),
            },
        ),
        _table(
            "truth_prompts",
            "tables",
            "Simulated studies: language, topic, stance and subject of every prompt, rated or not.",
            ("prompt_id",),
            {
                "prompt_id": _text(),
                "language": _text(),
                "split": _text(among=("rated", "test", "acceptance")),
                "topic": _text(),
                "stance": _text(),
                "about": _text(among=("women", "men")),
            },
        ),
        _table(
            "truth_texts",
            "tables",
            "Simulated studies: the texts of each item in every language in which participants read it.",
            ("item_id", "language"),
            {"item_id": _text(), "language": _text(), "prompt": _text(), "response": _text()},
        ),
        _table(
            "prompts_extra",
            "tables",
            "Simulated studies: further prompts that nobody rates, for testing and for accepting base models.",
            ("prompt_id",),
            {
                "prompt_id": _text(),
                "prompt": _text(),
                "language": _text(),
                "split": _text(among=("test", "acceptance")),
            },
        ),
        _table(
            "levels",
            "01_quality",
            "What each level of each factor is shown as after suppression, and how many people that is.",
            ("factor", "level"),
            {"factor": _text(), "level": _text(), "shown_as": _text(), "n_participants": _PEOPLE},
        ),
        _table(
            "slices",
            "01_quality",
            "Pairs of factors: whether they may be crossed, into how many cells, and the people of the smallest.",
            ("factor_a", "factor_b"),
            {
                "factor_a": _text(),
                "factor_b": _text(),
                "offered": pa.Column(bool),
                "n_cells": _count(),
                "smallest": _count(),
            },
        ),
        _table(
            "quality",
            "01_quality",
            "What the ratings are like: numbers in a fixed order, each with its text; few people are not counted out.",
            ("order",),
            {
                "order": _count(),
                "section": _text(),
                "measure": _text(),
                "subject": _text(),
                "value": _number(),
                "of": _number(),
                "share": _number(0.0, 1.0),
                "shown": _text(),
                "note": _text(),
            },
        ),
        _table(
            "coverage",
            "01_quality",
            "How many items have so many ratings on a dimension.",
            ("dimension", "n_ratings"),
            {"dimension": _text(), "n_ratings": _count(), "n_items": _count(), "share": _number(0.0, 1.0)},
        ),
        _table(
            "scale_use",
            "01_quality",
            "How often each level of each scale was used.",
            ("dimension", "level"),
            {
                "dimension": _text(),
                "level": _count(),
                "level_label": _text(),
                "n_ratings": _count(),
                "share": _number(0.0, 1.0),
            },
        ),
        _table(
            "disagreement",
            "02_disagreement",
            "Share of items whose ratings are not all equal, per dimension and group, and what chance would give.",
            ("dimension", "factor", "level"),
            {
                "dimension": _text(),
                "factor": _text(),
                "level": _text(),
                "rate": _number(0.0, 1.0),
                "ci_low": _number(0.0, 1.0),
                "ci_high": _number(0.0, 1.0),
                "expected": _number(0.0, 1.0),
                "excess": _number(-1.0, 1.0),
                "n_items": _count(),
                "n_ratings": _count(),
                "n_participants": _PEOPLE,
                "note": _text(),
            },
        ),
        _table(
            "alpha",
            "02_disagreement",
            "Krippendorff's alpha per dimension and group, with a bootstrap over items.",
            ("dimension", "factor", "level", "metric"),
            {
                "dimension": _text(),
                "factor": _text(),
                "level": _text(),
                "metric": _text(among=("ordinal", "nominal", "interval")),
                "alpha": _number(high=1.0),
                **_INTERVAL,
                "observed": _number(0.0),
                "expected": _number(0.0),
                "n_items": _count(),
                "n_ratings": _count(),
                "n_participants": _PEOPLE,
                "note": _text(),
            },
        ),
        _table(
            "between_groups",
            "02_disagreement",
            "Squared rating differences between and within groups on the same items; both levels 'all' is the factor.",
            ("dimension", "factor", "level_a", "level_b"),
            {
                **_PAIR,
                "between": _number(0.0),
                "within": _number(0.0),
                "excess": _number(),
                "share": _number(high=1.0),
                **_INTERVAL,
                "n_items": _count(),
                "n_pairs": _count(),
                "note": _text(),
            },
        ),
        _table(
            "rank_agreement",
            "02_disagreement",
            "Whether two groups put the items that both rated in the same order, and their mean difference.",
            ("dimension", "factor", "level_a", "level_b"),
            {
                **_PAIR,
                "spearman": _number(-1.0, 1.0),
                "ci_low": _number(-1.0, 1.0),
                "ci_high": _number(-1.0, 1.0),
                "difference": _number(),
                "difference_low": _number(),
                "difference_high": _number(),
                "n_items": _count(),
                "n_ratings": _count(),
                "note": _text(),
            },
        ),
        _table(
            "topics",
            "02_disagreement",
            "Topics of the prompts, formed from their words within each language.",
            ("topic",),
            {
                "topic": _text(),
                "language": _text(),
                "label": _text(),
                "n_prompts": _count(),
                "n_items": _count(),
                "n_ratings": _count(),
            },
        ),
        _table(
            "topic_differences",
            "02_disagreement",
            "Topics on which two groups' mean ratings differ most, where enough people of both rated.",
            ("dimension", "factor", "level_a", "level_b", "rank"),
            {
                **_PAIR,
                "rank": _count(),
                "topic": _text(),
                "language": _text(),
                "label": _text(),
                "difference": _number(nullable=False),
                **_INTERVAL,
                "n_ratings_a": _count(),
                "n_ratings_b": _count(),
                "n_topics": _count(),
            },
        ),
        _table(
            "cooccurrence",
            "03_dimensions",
            "P(column agrees | row agrees) over the participant-item rows that have both ratings.",
            ("row", "column"),
            {
                "row": _text(),
                "column": _text(),
                "probability": _number(0.0, 1.0),
                "ci_low": _number(0.0, 1.0),
                "ci_high": _number(0.0, 1.0),
                "n_both": _count(),
                "n_row": _count(),
                "n_ratings": _count(),
                "note": _text(),
            },
        ),
        _table(
            "effects_demographic",
            "04_demographic_effects",
            "Effects of who rates, one cumulative link mixed model per dimension; what is not estimable is missing.",
            ("dimension", "term"),
            {
                "dimension": _text(),
                "term": _text(),
                "estimate": _number(),
                "std_error": _number(0.0),
                "z": _number(),
                "p_value": _number(0.0, 1.0),
                **_INTERVAL,
                "odds_ratio": _number(0.0),
                "percent_change": _number(-100.0),
                "p_holm": _number(0.0, 1.0),
            },
        ),
        _table(
            "vcov_demographic",
            "04_demographic_effects",
            "Covariance of each two coefficients of a dimension: contrasts to another reference level need no refit.",
            ("dimension", "term_a", "term_b"),
            {"dimension": _text(), "term_a": _text(), "term_b": _text(), "value": _number()},
        ),
        _table(
            "marginal_probabilities",
            "04_demographic_effects",
            "Predicted share of ratings at or above the level that agrees, per group, all else equal.",
            ("dimension", "factor", "level"),
            {
                "dimension": _text(),
                "factor": _text(),
                "level": _text(),
                "at_least": _count(),
                "estimate": _number(0.0, 1.0),
                "std_error": _number(0.0),
                "ci_low": _number(0.0, 1.0),
                "ci_high": _number(0.0, 1.0),
            },
        ),
        _table(
            "variance_shares",
            "04_demographic_effects",
            "Random effects: standard deviation in logits, and share of the latent variance.",
            ("dimension", "term"),
            {
                "dimension": _text(),
                "term": _text(),
                "sd": _number(0.0),
                "variance": _number(0.0),
                "share": _number(0.0, 1.0),
                "n_levels": _count(),
            },
        ),
        _table(
            "proportional_odds",
            "04_demographic_effects",
            "Likelihood-ratio test of one effect per level against threshold-specific effects.",
            ("dimension", "factor"),
            {
                "dimension": _text(),
                "factor": _text(),
                "lr_stat": _number(),
                "df": _number(0.0),
                "p_value": _number(0.0, 1.0),
                "note": _text(),
            },
        ),
        _table(
            "crosscheck_linear",
            "05_crosscheck",
            "The same terms in lme4's linear mixed model (pymer4), sign and significance beside ours.",
            ("dimension", "term"),
            {
                "dimension": _text(),
                "term": _text(),
                "estimate": _number(),
                "p_value": _number(0.0, 1.0),
                "linear_estimate": _number(),
                "linear_p_value": _number(0.0, 1.0),
                "same_sign": pa.Column(bool),
                "same_significance": pa.Column(bool),
            },
        ),
        _table(
            "crosscheck_clmm",
            "05_crosscheck",
            "R's ordinal::clmm beside ours on a random subset of items.",
            ("dimension", "term"),
            {
                "dimension": _text(),
                "term": _text(),
                "ours": _number(),
                "r": _number(),
                "difference": _number(),
                "std_error_ours": _number(0.0),
                "std_error_r": _number(0.0),
            },
        ),
        _table(
            "power",
            "06_power",
            "Power of each effect for numbers of raters and changes in odds, from the design's expected information.",
            ("dimension", "factor", "level", "method", "participants", "percent_change"),
            {
                "dimension": _text(),
                "factor": _text(),
                "level": _text(),
                "contrast": _text(),
                "method": _text(among=("information", "simulation")),
                "participants": _count(),
                "percent_change": _number(-100.0, nullable=False),
                "power": _number(0.0, 1.0),
                "ci_low": _number(0.0, 1.0),
                "ci_high": _number(0.0, 1.0),
                "std_error": _number(0.0),
                "n_failed": _count(),
            },
        ),
        _table(
            "power_needed",
            "06_power",
            "Raters needed for the wanted power, at the config's alpha and at alpha divided by the number of effects.",
            ("dimension", "factor", "level", "percent_change"),
            {
                "dimension": _text(),
                "factor": _text(),
                "level": _text(),
                "reference": _text(),
                "percent_change": _number(-100.0, nullable=False),
                "participants": _number(0.0),
                "participants_adjusted": _number(0.0),
            },
        ),
        _table(
            "detectable_changes",
            "06_power",
            "The smallest rise and fall in odds (percent) that the study sees with the wanted power.",
            ("dimension", "factor", "level"),
            {
                "dimension": _text(),
                "factor": _text(),
                "level": _text(),
                "reference": _text(),
                "participants": _count(),
                "share": _number(0.0, 1.0),
                "std_error": _number(0.0),
                "rise": _number(0.0),
                "fall": _number(-100.0, 0.0),
            },
        ),
    ]
}


def check_table(table: pd.DataFrame, name: str, where: str = "") -> pd.DataFrame:
    """Return `table` sorted by its key after checking it against its schema.

    Parameters
    ----------
    table : DataFrame
        The table to check.
    name : str
        Its name in `TABLES`.
    where : str, optional
        File or step named in the error.

    Raises
    ------
    DataError
        One line with table, row, column and value of the first fault.
    """
    spec = TABLES[name]
    prefix = f"{where}: " if where else ""
    missing = [c for c in spec.schema.columns if c not in table.columns]
    if missing:
        raise DataError(f"{prefix}table '{name}' lacks column '{missing[0]}'")
    try:
        spec.schema.validate(table, lazy=False)
    except pa.errors.SchemaError as error:
        raise DataError(prefix + _fault(error, table, name)) from None
    return table.sort_values(list(spec.key), kind="stable", ignore_index=True)


def _fault(error: pa.errors.SchemaError, table: pd.DataFrame, name: str) -> str:
    column = getattr(error.schema, "name", None)
    cases = error.failure_cases
    if isinstance(cases, pd.DataFrame) and len(cases):
        first = cases.iloc[0]
        row = first.get("index")
        value = first["failure_case"]
        spot = f"row {int(row) + 1}, " if isinstance(row, int | float) and row == row else ""
        if column in table.columns:
            return f"table '{name}', {spot}column '{column}', value {value!r}: {error.check}"
        return f"table '{name}', {spot}value {value!r}: {error.check}"
    return f"table '{name}': {str(error).splitlines()[0]}"
