"""Does a judge side with one group of raters? Its scores beside each group's ratings, and two groups on common items.

Every item counts once, so a total is no sum of the groups' numbers and none can be had by subtraction. A group's own
row speaks of the items that its members happened to rate; only the contrasts speak of the same items for both.

``closer`` compares how far the judge stands from either group: (score - group's mean)², less what the noise of the mean
adds to it (the variance of one rating, estimated for each group from its items with two ratings or more, over the
number of ratings). Above 0 the judge is closer to the first group. Agreement is easier with a group that agrees more
with itself; ``closer`` is not affected by that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from plural_core.agreement.counts import code_ratings, level_codes
from plural_core.agreement.frames import table_of
from plural_core.evaluation.group_view import FactorView, GroupAgreement, GroupContrast
from plural_core.evaluation.item_sums import estimate_rows, summed
from plural_core.evaluation.judged import JudgedItems
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig


@dataclass(frozen=True)
class JudgeGroups:
    """One judge and dimension by groups of raters."""

    judge: str
    dimension: str
    groups: tuple[GroupAgreement, ...]
    contrasts: tuple[GroupContrast, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return table ``judge_groups``."""
        return table_of([self._where | asdict(g) for g in self.groups], "judge_groups")

    def contrasts_frame(self) -> pd.DataFrame:
        """Return table ``judge_group_contrasts``."""
        return table_of([self._where | asdict(c) for c in self.contrasts], "judge_group_contrasts")

    @property
    def _where(self) -> dict[str, object]:
        return {"judge": self.judge, "dimension": self.dimension}


def judge_groups(
    judged: JudgedItems,
    people: ProtectedParticipants,
    codes: dict[str, np.ndarray],
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> JudgeGroups:
    """Set a judge beside every shown group, and between every two groups of a factor.

    Parameters
    ----------
    judged : JudgedItems
        Scores and ratings.
    people : ProtectedParticipants
        The only view of people that may be shown.
    codes : dict of str to ndarray of int, shape (participants,)
        For each factor of `people`, the number of each participant's shown level, below 0 for none.
    draws : int
        Bootstrap draws over items (0: no intervals).
    rng : Generator, optional
        Needed where there are draws.
    level : float
        Confidence level.

    Notes
    -----
    What rests on 1 to k - 1 people is withheld, and where the people withheld of a factor would be 1 to k - 1 in all,
    so is its next smallest group: else the ratings of those few could be had by subtraction.
    """
    views = [FactorView(judged, people, name, codes[name]) for name in people.factors]
    columns = [view.columns for view in views]
    ends = np.cumsum([part.shape[1] for part in columns])[:-1]
    whole = np.hstack(columns) if columns else np.zeros((len(judged.score), 0))

    def values(weights: np.ndarray) -> np.ndarray:
        parts = np.split(summed(weights, whole), ends, axis=1)
        return np.hstack([view.values(part) for view, part in zip(views, parts, strict=True)])

    if not views:
        return JudgeGroups(judged.judge, judged.dimension, (), ())
    rows = estimate_rows(values, len(judged.score), draws=draws, rng=rng, level=level)
    groups: list[GroupAgreement] = []
    pairs: list[GroupContrast] = []
    for view in views:
        own, rows = rows[: view.n_values], rows[view.n_values :]
        groups += view.groups(own)
        pairs += view.contrasts(own)
    return JudgeGroups(judged.judge, judged.dimension, tuple(groups), tuple(pairs))


def group_tables(
    judged: Iterable[JudgedItems],
    tables: RatingTables,
    config: StudyConfig,
    people: ProtectedParticipants,
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables ``judge_groups`` and ``judge_group_contrasts`` of several judges and dimensions."""
    coded = code_ratings(tables, config)
    codes = {name: level_codes(coded, people, name) for name in people.factors}
    found = [judge_groups(one, people, codes, draws=draws, rng=rng, level=level) for one in judged]
    if not found:
        return table_of([], "judge_groups"), table_of([], "judge_group_contrasts")
    return (
        pd.concat([one.to_frame() for one in found], ignore_index=True),
        pd.concat([one.contrasts_frame() for one in found], ignore_index=True),
    )
