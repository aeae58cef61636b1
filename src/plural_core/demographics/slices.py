"""What groups of one or two factors said: the share of their ratings that agree, with its interval and its n."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from plural_core.agreement.intervals import wilson

COLUMNS = ["cell", "n_participants", "n_ratings", "share", "std_error", "ci_low", "ci_high", "note"]


def slice_shares(by_participant: pd.DataFrame, by_item: pd.DataFrame, k: int, level: float = 0.95) -> pd.DataFrame:
    """Return each cell's share of ratings that agree on one dimension.

    Parameters
    ----------
    by_participant : DataFrame
        cell, n, agree: for each participant of each cell the number of ratings (1 or more), and of those that agree.
        Who it is does not matter.
    by_item : DataFrame
        cell, n, agree: the same for each item of each cell.
    k : int
        A cell of which fewer people rated is not shown.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        One row per cell, in the order in which cells first appear: n_participants (who rated), n_ratings, share in
        [0, 1], std_error, ci_low, ci_high; missing, with a note, where the cell is not shown.

    Notes
    -----
    Ratings of one person depend on each other, and so do ratings of one item. The variance of the share is therefore
    clustered two ways (Cameron, Gelbach and Miller 2011, JBES 29:238-249): sums of influences squared by participant,
    plus by item, less by rating, and no less than either part alone. The interval is Student's t on the number of
    raters less one, on the logit scale; where all ratings agree, or none, it is Wilson's with raters as the trials.
    """
    people = _sums(by_participant)
    n, raters = people["n"].to_numpy(dtype=float), people["clusters"].to_numpy(dtype=float)
    share = people["agree"].to_numpy(dtype=float) / n
    items = _sums(by_item).reindex(people.index)
    per_person, per_item = _squares(people, share, n), _squares(items, share, n)
    variance = np.maximum(per_person + per_item - share * (1 - share) / n, np.maximum(per_person, per_item))
    error = np.sqrt(variance)
    low, high = _interval(share, error, raters, level)
    hidden = (raters > 0) & (raters < k)
    frame = pd.DataFrame(
        {
            "cell": people.index.to_numpy(dtype=object),
            "n_participants": pd.array(raters.astype(int), dtype="Int64"),
            "n_ratings": pd.array(n.astype(int), dtype="Int64"),
            "share": share,
            "std_error": error,
            "ci_low": low,
            "ci_high": high,
            "note": np.where(hidden, f"not shown: fewer than {k} participants", ""),
        }
    )
    frame.loc[hidden, ["n_participants", "n_ratings"]] = pd.NA
    frame.loc[hidden, ["share", "std_error", "ci_low", "ci_high"]] = np.nan
    return frame[COLUMNS]


def _sums(counts: pd.DataFrame) -> pd.DataFrame:
    """Return per cell the sums that the variance is made of, and the number of clusters."""
    n, agree = counts["n"].to_numpy(dtype=float), counts["agree"].to_numpy(dtype=float)
    parts = pd.DataFrame(
        {"cell": counts["cell"].to_numpy(), "n": n, "agree": agree, "nn": n * n, "na": n * agree, "aa": agree * agree}
    )
    grouped = parts.groupby("cell", sort=False, observed=True)
    return grouped.sum().assign(clusters=grouped.size())


def _squares(sums: pd.DataFrame, share: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the sum over clusters of ((agree - share n_cluster) / n)²."""
    total = sums["aa"].to_numpy() - 2 * share * sums["na"].to_numpy() + share**2 * sums["nn"].to_numpy()
    return np.asarray(np.maximum(total, 0.0) / n**2)


def _interval(share: np.ndarray, error: np.ndarray, raters: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    inner = (share > 0) & (share < 1) & (raters > 1)
    low, high = wilson(share * raters, raters, level)
    p, df = share[inner], raters[inner] - 1
    half = student.ppf((1 + level) / 2, df) * error[inner] / (p * (1 - p))
    logit = np.log(p / (1 - p))
    low[inner], high[inner] = 1 / (1 + np.exp(half - logit)), 1 / (1 + np.exp(-half - logit))
    return low, high
