"""Pooling of effects: arrays in, results out.

>>> effect = random_effects([0.10, 0.30, 0.25], [0.05, 0.08, 0.06], method="REML", test="knha")
>>> effect.k
3

The package stands alone: it knows nothing of studies, files or models.
"""

from plural_core.synthesis.errors import SynthesisError
from plural_core.synthesis.pooling import PooledEffect, random_effects
from plural_core.synthesis.ratio import RatioInterval, fieller_ratio
from plural_core.synthesis.regression import Coefficient, MetaRegression, meta_regression
from plural_core.synthesis.sensitivity import PooledSeries, cumulative, leave_one_out
from plural_core.synthesis.testing import Equivalence, holm, tost

__all__ = [
    "Coefficient",
    "Equivalence",
    "MetaRegression",
    "PooledEffect",
    "PooledSeries",
    "RatioInterval",
    "SynthesisError",
    "cumulative",
    "fieller_ratio",
    "holm",
    "leave_one_out",
    "meta_regression",
    "random_effects",
    "tost",
]
