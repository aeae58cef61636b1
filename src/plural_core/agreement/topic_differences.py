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


@dataclass(frozen=True, eq=False)
class TopicMeans:
    """Mean ratings on one dimension by topic and group, with what their differences vary by.

    All arrays but the last two have shape (topics, groups).

    Parameters
    ----------
    n : ndarray
        Ratings.
    raters : ndarray
        Different participants.
    mean : ndarray
        Mean rating in level numbers; NaN where there is no rating.
    by_participant, by_item, by_rating : ndarray
        Sums of squares of the mean's influences, added up per participant, per item, and not at all.
    item_influence : ndarray, shape (items, groups)
        Influences added up per item.
    topic_of_item : ndarray of int, shape (items,)
        Topic of each item, the number of topics for none.
    """

    n: np.ndarray
    raters: np.ndarray
    mean: np.ndarray
    by_participant: np.ndarray
    by_item: np.ndarray
    by_rating: np.ndarray
    item_influence: np.ndarray
    topic_of_item: np.ndarray


@dataclass(frozen=True, eq=False)
class MeanDifferences:
    """Difference of two groups' mean ratings per topic, first less second, with t intervals; shape (topics,)."""

    difference: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray


def topic_means(
    ratings: DimensionRatings, codes: np.ndarray, of_item: np.ndarray, n_topics: int, n_groups: int
) -> TopicMeans:
    """Sum up the ratings of one dimension by topic and group, in time linear in the number of ratings.

    Parameters
    ----------
    ratings : DimensionRatings
        The ratings.
    codes : ndarray of int, shape (participants,)
        Group of each participant, below 0 for none.
    of_item : ndarray of int, shape (items,)
        Topic of each item, below 0 for none.
    n_topics, n_groups : int
        Their numbers.
    """
    topic, group = of_item[ratings.item], codes[ratings.participant]
    rows = np.flatnonzero((topic >= 0) & (group >= 0))
    topic, group, item = topic[rows], group[rows], ratings.item[rows]
    participant, y = ratings.participant[rows], ratings.rating[rows].astype(float)
    cells = n_topics * n_groups
    cell = topic * n_groups + group

    def total(key: np.ndarray, weights: np.ndarray | None, length: int) -> np.ndarray:
        return np.asarray(np.bincount(key, weights=weights, minlength=length), dtype=float)

    n = total(cell, None, cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total(cell, y, cells) / n
    influence = (y - mean[cell]) / n[cell]
    # A participant belongs to one group, so (topic, participant) tells the cell.
    known, place = np.unique(topic * len(codes) + participant, return_inverse=True)
    cell_of_pair = known // len(codes) * n_groups + codes[known % len(codes)]
    per_participant = np.bincount(place, weights=influence, minlength=len(known))
    by_topic = np.where(of_item >= 0, of_item, n_topics)
    per_item = total(item * n_groups + group, influence, len(of_item) * n_groups).reshape(-1, n_groups)
    squares = [total(by_topic, per_item[:, g] ** 2, n_topics + 1)[:n_topics] for g in range(n_groups)]
    shape = (n_topics, n_groups)
    return TopicMeans(
        n.reshape(shape),
        total(cell_of_pair, None, cells).reshape(shape),
        mean.reshape(shape),
        total(cell_of_pair, per_participant**2, cells).reshape(shape),
        np.column_stack(squares),
        total(cell, influence**2, cells).reshape(shape),
        per_item,
        by_topic,
    )


def mean_differences(means: TopicMeans, a: int, b: int, level: float = 0.95) -> MeanDifferences:
    """Compare the mean ratings of groups `a` and `b` on every topic.

    Notes
    -----
    The variance is clustered two ways, by participant and by item (Cameron, Gelbach and Miller 2011, JBES
    29:238-249): sums of influences squared by participant, plus by item, less by rating. It is no less than either
    part alone, which it can be where clusters are few. Degrees of freedom are those of the group with fewer raters.
    """
    n_topics = len(means.n)
    cross = np.bincount(
        means.topic_of_item,
        weights=means.item_influence[:, a] * means.item_influence[:, b],
        minlength=n_topics + 1,
    )[:n_topics]
    by_item = means.by_item[:, a] + means.by_item[:, b] - 2 * cross
    by_participant = means.by_participant[:, a] + means.by_participant[:, b]
    both = by_participant + by_item - means.by_rating[:, a] - means.by_rating[:, b]
    variance = np.maximum(both, np.maximum(by_participant, by_item))
    freedom = np.minimum(means.raters[:, a], means.raters[:, b]) - 1
    with np.errstate(invalid="ignore"):
        half = student.ppf((1 + level) / 2, np.where(freedom > 0, freedom, np.nan)) * np.sqrt(variance)
    difference = means.mean[:, a] - means.mean[:, b]
    return MeanDifferences(difference, difference - half, difference + half)


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
    n_topics = len(topics.names)
    for factor in people.factors if n_topics else ():
        names, codes = people.levels[factor], level_codes(coded, people, factor)
        for dimension in coded.dimensions:
            means = topic_means(dimension, codes, topics.of_item, n_topics, len(names))
            for a, b in contrasts(people, factor):
                where = {"dimension": dimension.name, "factor": factor, "level_a": names[a], "level_b": names[b]}
                rows += [where | row for row in _largest(topics, means, a, b, config, people.k)]
    note = topics.note
    differences = table_of(rows, "topic_differences")
    if topics.names and differences.empty:
        note = f"{note} No topic was rated by {max(people.k, 2)} participants of two groups.".strip()
    return TopicTables(_topic_frame(topics, coded), differences, note)


def _largest(topics: Topics, means: TopicMeans, a: int, b: int, config: StudyConfig, k: int) -> list[dict[str, object]]:
    """Return the topics with the largest differences among those that enough people of both groups rated."""
    enough = np.flatnonzero(np.minimum(means.raters[:, a], means.raters[:, b]) >= max(k, 2))
    if not len(enough):
        return []
    found = mean_differences(means, a, b, config.agreement.level)
    order = enough[np.argsort(-np.abs(found.difference[enough]), kind="stable")]
    return [
        {
            "rank": rank,
            "topic": topics.names[t],
            "language": topics.languages[t],
            "label": topics.labels[t],
            "difference": found.difference[t],
            "ci_low": found.ci_low[t],
            "ci_high": found.ci_high[t],
            "n_ratings_a": int(means.n[t, a]),
            "n_ratings_b": int(means.n[t, b]),
            "n_topics": len(enough),
        }
        for rank, t in enumerate(order[: config.agreement.topics_shown], start=1)
    ]


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
