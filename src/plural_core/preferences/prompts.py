"""Which prompts are for training, judging and testing, and the texts that models are tuned and tested on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from plural_core.simulation.streams import stream
from plural_core.study import StudyConfig

TRAIN, JUDGE, TEST, ACCEPTANCE = "train", "judge", "test", "acceptance"
COLUMNS = ["prompt_id", "prompt", "language", "split"]


def split_shares(config: StudyConfig) -> dict[str, float]:
    """Return the share of the rated prompts for train, judge and test.

    A study with a judge fitted to ratings keeps a fifth of the prompts for it. A simulated study tests on further
    prompts, so none of the rated ones is for testing.
    """
    given = config.prompts
    if given.train is not None:
        return {TRAIN: given.train, JUDGE: given.judge or 0.0, TEST: given.test or 0.0}
    judge = 0.2 if any(judge.kind == "ratings_model" for judge in config.judges.values()) else 0.0
    test = 0.0 if config.simulated else 0.2
    return {TRAIN: 1.0 - judge - test, JUDGE: judge, TEST: test}


def split_prompts(items: pd.DataFrame, config: StudyConfig, extra: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return what every prompt is for.

    Parameters
    ----------
    items : DataFrame
        Table ``items``.
    config : StudyConfig
        Shares, and the seed of the split.
    extra : DataFrame, optional
        Table ``prompts_extra`` of a simulated study: prompts for testing and for accepting base models.

    Returns
    -------
    DataFrame
        prompt_id, prompt, language, split; sorted by prompt_id. Prompts without any text left are not in it.
    """
    texts = tuning_items(items, config)
    rated = texts.drop_duplicates("prompt_id").sort_values("prompt_id", ignore_index=True)
    order = stream(config.seed, "prompts", "split").permutation(len(rated))
    ends = np.round(np.cumsum(list(split_shares(config).values())) * len(rated)).astype(int)
    place = np.searchsorted(ends, np.arange(len(rated)), side="right")
    split = np.empty(len(rated), dtype=object)
    split[order] = np.array([TRAIN, JUDGE, TEST], dtype=object)[np.minimum(place, 2)]
    whole = rated.assign(split=split)[COLUMNS]
    if extra is not None:
        whole = pd.concat([whole, extra[COLUMNS]], ignore_index=True)
    return whole.sort_values("prompt_id", ignore_index=True)


def tuning_items(items: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the texts of items as models are tuned on them: item_id, prompt_id, prompt, response, language.

    With ``prompts.first_words`` a text's first words are its prompt and the rest is the response. Items without a
    response are left out.
    """
    texts = items[["item_id", "prompt_id", "prompt", "response", "language"]].copy()
    texts = texts.fillna({"prompt": "", "response": "", "language": ""})
    if config.prompts.first_words is not None:
        words = [text.split() for text in texts["response"]]
        n = config.prompts.first_words
        bare = (texts["prompt"].str.strip() == "").to_numpy()
        texts["prompt"] = np.where(bare, [" ".join(w[:n]) for w in words], texts["prompt"])
        texts["response"] = np.where(bare, [" ".join(w[n:]) for w in words], texts["response"])
    return texts[texts["response"].str.strip() != ""].reset_index(drop=True)
