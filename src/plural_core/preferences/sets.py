"""A study's preference sets: the conditions that its config declares, built from its tables."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from plural_core.io import read_table
from plural_core.preferences.build import PreferenceSets, build_all
from plural_core.preferences.declared import declared_conditions
from plural_core.preferences.prompts import TRAIN, split_prompts, tuning_items
from plural_core.preferences.redraw import redraw_participants
from plural_core.preferences.select import PreparedRatings, prepare
from plural_core.ratings.tables import RatingTables
from plural_core.study import Study


@dataclass(frozen=True, eq=False)
class StudyPreferences:
    """What a study's models are tuned on.

    Parameters
    ----------
    prepared : PreparedRatings
        The ratings as numbers.
    sets : PreferenceSets
        The conditions, built; and those that give no data, with the reason.
    prompts : DataFrame
        prompt_id, prompt, language, split: what every prompt is for.
    texts : DataFrame
        item_id, prompt_id, prompt, response, language: what models are tuned on; empty where there are no texts.
    """

    prepared: PreparedRatings
    sets: PreferenceSets
    prompts: pd.DataFrame
    texts: pd.DataFrame

    @property
    def has_texts(self) -> bool:
        """Whether there is anything that a model could be tuned on."""
        return not self.texts.empty


def study_preferences(study: Study, tables: RatingTables, replicate: int = 0) -> StudyPreferences:
    """Build the preference sets of a study.

    Parameters
    ----------
    study : Study
        Its config declares the conditions.
    tables : RatingTables
        Its ratings, items and participants.
    replicate : int
        0: the participants as they are; from 1 up: participants drawn anew with replacement, a draw per number.

    Raises
    ------
    ConfigError
        A condition names something that the study does not have.
    """
    config = study.config
    drawn = tables if replicate == 0 else redraw_participants(tables, config.seed, replicate)
    prepared = prepare(drawn, config)
    extra = read_table(study.table("prompts_extra")) if config.simulated else None
    prompts = split_prompts(tables.items, config, extra)
    texts = tuning_items(tables.items, config)
    # Without texts there is nothing to tune, but the sets can be audited all the same.
    training = set(prompts.loc[prompts["split"] == TRAIN, "prompt_id"]) if len(texts) else None
    k = config.privacy.k if config.privacy.enabled else 1
    sets = build_all(prepared, declared_conditions(config), training, k)
    return StudyPreferences(prepared, sets, prompts, texts)
