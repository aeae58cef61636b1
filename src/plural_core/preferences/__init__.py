"""From ratings to training data: scales, aggregation, strata, merged pairs, and whose view wins."""

from plural_core.preferences.aggregate import aggregate
from plural_core.preferences.build import COUNTERPART, PreferenceSet, PreferenceSets, build_all, build_preferences
from plural_core.preferences.comparisons import Comparisons, anchored, draw, merge, within_prompt
from plural_core.preferences.condition import AGGREGATIONS, Budget, Condition, ConditionSkipped, Stratum
from plural_core.preferences.influence import Influence, influence, influence_table
from plural_core.preferences.record import FLOOR, ConditionRecord, raters_table
from plural_core.preferences.scales import Scale, scale_of
from plural_core.preferences.select import PreparedRatings, prepare

__all__ = [
    "AGGREGATIONS",
    "COUNTERPART",
    "FLOOR",
    "Budget",
    "Comparisons",
    "Condition",
    "ConditionRecord",
    "ConditionSkipped",
    "Influence",
    "PreferenceSet",
    "PreferenceSets",
    "PreparedRatings",
    "Scale",
    "Stratum",
    "aggregate",
    "anchored",
    "build_all",
    "build_preferences",
    "draw",
    "influence",
    "influence_table",
    "merge",
    "prepare",
    "raters_table",
    "scale_of",
    "within_prompt",
]
