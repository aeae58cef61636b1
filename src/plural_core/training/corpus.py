"""The texts that a study's tiny models are trained on, and the prompts on which they are accepted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pandas as pd

from plural_core.io import read_table
from plural_core.preferences.prompts import ACCEPTANCE, TRAIN, split_prompts, tuning_items
from plural_core.simulation.material import draw_corpus, draw_material, rated_prompts
from plural_core.study import Study, StudyConfig
from plural_core.training.trained import TrainingError

COLUMNS = ["prompt", "response", "language"]


@dataclass(frozen=True, eq=False)
class StudyTexts:
    """What tiny models read and are examined on.

    Parameters
    ----------
    corpus : DataFrame
        prompt, response, language of every text for training.
    acceptance : DataFrame
        prompt_id, prompt, language of the prompts on which a model is accepted; none without a simulation.
    """

    corpus: pd.DataFrame
    acceptance: pd.DataFrame


def study_texts(study: Study) -> StudyTexts:
    """Return the texts for a study's tiny models.

    A simulated study samples its world, in equal parts for each language of its items; test and acceptance prompts
    never occur in the corpus. Any other study has only its own texts: those of the prompts for training.

    Raises
    ------
    DataError
        The table ``items`` of a study on real ratings is not there.
    TrainingError
        The study has no texts for training.
    """
    if study.config.simulated:
        return simulated_texts(study.config)
    corpus = own_corpus(read_table(study.table("items")), study.config)
    return StudyTexts(corpus, pd.DataFrame(columns=["prompt_id", "prompt", "language"], dtype=object))


def simulated_texts(config: StudyConfig) -> StudyTexts:
    """Return ``models.tiny.texts`` texts of a simulated world, and its prompts for acceptance."""
    material = draw_material(config)
    languages = list(rated_prompts(config))
    n, rest = divmod(config.models.tiny.texts, len(languages))
    parts = [
        draw_corpus(config, n + (place < rest), language, material=material).assign(language=language)
        for place, language in enumerate(languages)
    ]
    extra = material.extra_frame()
    chosen = extra.loc[extra["split"] == ACCEPTANCE, ["prompt_id", "prompt", "language"]]
    return StudyTexts(pd.concat(parts, ignore_index=True)[COLUMNS], chosen.reset_index(drop=True))


def own_corpus(items: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the study's own texts of prompts for training, each once."""
    split = split_prompts(items, config)
    train = set(split.loc[split["split"] == TRAIN, "prompt_id"])
    texts = tuning_items(items, config)
    chosen = texts.loc[texts["prompt_id"].isin(train), COLUMNS].drop_duplicates(ignore_index=True)
    if chosen.empty:
        raise TrainingError(
            f"study '{config.study}' has no texts to train tiny models on; name models that exist in models.hub"
        )
    return chosen


def corpus_hash(corpus: pd.DataFrame) -> str:
    """Return the SHA-256 of a corpus, in its order."""
    digest = hashlib.sha256()
    for name in COLUMNS:
        for text in corpus[name]:
            digest.update(str(text).encode() + b"\x00")
    return digest.hexdigest()
