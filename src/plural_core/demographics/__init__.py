"""What ratings depend on: the study's cumulative link mixed models, their tables, power and cross-checks."""

from plural_core.demographics.analysis import READABLE, DemographicAnalysis, demographic_analysis, percent_rows
from plural_core.demographics.effects import effect_rows, effects_table, predictor_table, variance_table, vcov_table
from plural_core.demographics.fit import fit_dimensions, model_frame, shown_factors, study_formula

__all__ = [
    "READABLE",
    "DemographicAnalysis",
    "demographic_analysis",
    "effect_rows",
    "effects_table",
    "fit_dimensions",
    "model_frame",
    "percent_rows",
    "predictor_table",
    "shown_factors",
    "study_formula",
    "variance_table",
    "vcov_table",
]
