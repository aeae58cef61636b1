"""Cumulative link mixed models: fit, infer, predict.

>>> fit = clmm("rating ~ temp + contact + (1 | judge)", wine)  # doctest: +SKIP
>>> print(fit.summary())  # doctest: +SKIP

The package stands alone: it knows nothing of studies, files or column names beyond what it is given.
"""

from plural_core.ordinal.errors import FitWarning, FormulaError, InferenceError, ModelDataError, OrdinalError
from plural_core.ordinal.fit import clmm
from plural_core.ordinal.inference.bootstrap import BootstrapResult
from plural_core.ordinal.inference.compare import compare
from plural_core.ordinal.inference.power import PowerDesign, PowerResult, power
from plural_core.ordinal.inference.profile import ProfileResult
from plural_core.ordinal.inference.proportional_odds import ProportionalOddsCheck
from plural_core.ordinal.result import CLMMResult, OptimizerRecord

__all__ = [
    "BootstrapResult",
    "CLMMResult",
    "FitWarning",
    "FormulaError",
    "InferenceError",
    "ModelDataError",
    "OptimizerRecord",
    "OrdinalError",
    "PowerDesign",
    "PowerResult",
    "ProfileResult",
    "ProportionalOddsCheck",
    "clmm",
    "compare",
    "power",
]
