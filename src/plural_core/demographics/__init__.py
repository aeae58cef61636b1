"""What ratings depend on: the study's cumulative link mixed models, their tables, power and cross-checks."""

from plural_core.demographics.effects import (
    effect_rows,
    effects_table,
    predictor_table,
    variance_table,
    vcov_table,
)
from plural_core.demographics.fit import fit_dimensions, model_frame, study_formula

__all__ = [
    "effect_rows",
    "effects_table",
    "fit_dimensions",
    "model_frame",
    "predictor_table",
    "study_formula",
    "variance_table",
    "vcov_table",
]
