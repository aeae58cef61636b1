"""The topics on which two groups' ratings differ most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from plural_core.agreement.counts import CodedRatings, DimensionRatings, code_ratings, contrasts, level_codes
from plural_core.agreement.frames import table_of
from plural_core.agreement.topics import Topics, form_topics
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig


@dataclass(frozen=True)
class TopicTables:
    """Topics and where groups differ on them.

    Parameters
    ----------
    topics : DataFrame
        Table ``topics``.
    differences : DataFrame
        Table ``topic_differences``.
    note : str
        Why a table is empty, or what the topics were formed from; empty where there is nothing to say.
    """

    topics: pd.DataFrame
    differences: pd.DataFrame
    note: str


@dataclass(frozen=True)
class MeanDifference:
    """Difference of two groups' mean ratings, first less second.

    Parameters
    ----------
    difference, ci_low, ci_high : float
        In level numbers, with a t interval.
    n_a, n_b : int
        Ratings of either group.
    raters_a, raters_b : int
        Different participants of either group.
    n_items : int
        Different items.
    """

    difference: float
    ci_low: float
    ci_high: float
    n_a: int
    n_b: int
    raters_a: int
    raters_b: int
    n_items: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return pd.DataFrame([vars(self)])


def mean_difference(first: DimensionRatings, second: DimensionRatings, level: float = 0.95) -> MeanDifference:
    """Compare the mean ratings of two groups; each must have a rating.

    Notes
    -----
    The variance is clustered two ways, by participant and by item (Cameron, Gelbach and Miller 2011, JBES
    29:238-249): sums of influences squared by participant, plus by item, less by rating. Degrees of freedom are
    those of the group with fewer raters.
    """
    y_a, y_b = first.rating.astype(float), second.rating.astype(float)
    influence = np.concatenate([(y_a - y_a.mean()) / len(y_a), -(y_b - y_b.mean()) / len(y_b)])
    by_participant = _sums(np.concatenate([first.participant, second.participant]), influence)
    by_item = _sums(np.concatenate([first.item, second.item]), influence)
    variance = (by_participant**2).sum() + (by_item**2).sum() - (influence**2).sum()
    # The two-way form can fall below the larger of its parts where clusters are few.
    variance = max(variance, (by_participant**2).sum(), (by_item**2).sum())
    freedom = min(first.n_raters, second.n_raters) - 1
    difference = float(y_a.mean() - y_b.mean())
    half = float(student.ppf((1 + level) / 2, freedom) * np.sqrt(variance)) if freedom > 0 else np.nan
    return MeanDifference(
        difference,
        difference - half,
        difference + half,
        len(y_a),
        len(y_b),
        first.n_raters,
        second.n_raters,
        len(np.union1d(first.item, second.item)),
    )


def _sums(cluster: np.ndarray, values: np.ndarray) -> np.ndarray:
    _, place = np.unique(cluster, return_inverse=True)
    return np.bincount(place, weights=values)


def topic_tables(
    tables: RatingTables, config: StudyConfig, people: ProtectedParticipants, rng: np.random.Generator
) -> TopicTables:
    """Return the topics of the prompts and those on which each two levels of a factor differ most.

    Topics enter a comparison only where at least ``people.k`` participants of either group rated them.
    ``agreement.topics_shown`` topics are kept per dimension and pair of levels, the largest absolute difference
    first; ``n_topics`` says of how many. The largest of many differences is large by chance too: read the intervals
    as a way to look, not as tests.
    """
    coded = code_ratings(tables, config)
    topics = form_topics(tables.items, config.agreement.topics, rng)
    rows: list[dict[str, object]] = []
    for factor in people.factors:
        codes = level_codes(coded, people, factor)
        for dimension in coded.dimensions:
            parts = _parts(dimension, codes, topics, len(people.levels[factor]))
            for a, b in contrasts(people, factor):
                found = [
                    (name, mean_difference(parts[name, a], parts[name, b], config.agreement.level))
                    for name in range(len(topics.names))
                    if min(_raters(parts, name, a), _raters(parts, name, b)) >= max(people.k, 2)
                ]
                found.sort(key=lambda entry: -abs(entry[1].difference))
                where = {
                    "dimension": dimension.name,
                    "factor": factor,
                    "level_a": people.levels[factor][a],
                    "level_b": people.levels[factor][b],
                }
                rows += [
                    where | _row(rank, topics, name, one, len(found))
                    for rank, (name, one) in enumerate(found[: config.agreement.topics_shown], start=1)
                ]
    note = topics.note
    differences = table_of(rows, "topic_differences")
    if topics.names and differences.empty:
        note = f"{note} No topic was rated by {people.k} participants of two groups.".strip()
    return TopicTables(_topic_frame(topics, coded), differences, note)


def _row(rank: int, topics: Topics, topic: int, one: MeanDifference, n_topics: int) -> dict[str, object]:
    return {
        "rank": rank,
        "topic": topics.names[topic],
        "language": topics.languages[topic],
        "label": topics.labels[topic],
        "difference": one.difference,
        "ci_low": one.ci_low,
        "ci_high": one.ci_high,
        "n_ratings_a": one.n_a,
        "n_ratings_b": one.n_b,
        "n_items": one.n_items,
        "n_topics": n_topics,
    }


def _parts(
    ratings: DimensionRatings, codes: np.ndarray, topics: Topics, n_groups: int
) -> dict[tuple[int, int], DimensionRatings]:
    """Divide ratings by topic and group, in one pass."""
    topic, group = topics.of_item[ratings.item], codes[ratings.participant]
    rows = np.flatnonzero((topic >= 0) & (group >= 0))
    cell = topic[rows] * n_groups + group[rows]
    order = rows[np.argsort(cell, kind="stable")]
    ends = np.cumsum(np.bincount(cell, minlength=len(topics.names) * n_groups))
    found = {}
    for number, chosen in enumerate(np.split(order, ends[:-1])):
        if len(chosen):
            found[divmod(number, n_groups)] = DimensionRatings(
                ratings.name,
                ratings.levels,
                ratings.participant[chosen],
                ratings.item[chosen],
                ratings.rating[chosen],
            )
    return found


def _raters(parts: dict[tuple[int, int], DimensionRatings], topic: int, group: int) -> int:
    part = parts.get((topic, group))
    return part.n_raters if part is not None else 0


def _topic_frame(topics: Topics, coded: CodedRatings) -> pd.DataFrame:
    n = len(topics.names)
    known = topics.of_item[topics.of_item >= 0]
    ratings = np.zeros(n, dtype=np.int64)
    for dimension in coded.dimensions:
        of_rating = topics.of_item[dimension.item]
        ratings += np.bincount(of_rating[of_rating >= 0], minlength=n)[:n]
    return pd.DataFrame(
        {
            "topic": pd.Series(topics.names, dtype=object),
            "language": pd.Series(topics.languages, dtype=object),
            "label": pd.Series(topics.labels, dtype=object),
            "n_prompts": topics.prompts.astype(np.int64),
            "n_items": np.bincount(known, minlength=n).astype(np.int64)[:n],
            "n_ratings": ratings,
        }
    )
