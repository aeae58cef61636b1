"""The prompts that tuned models answer."""

from __future__ import annotations

import pandas as pd

from plural_core.preferences.prompts import TEST
from plural_core.study import StudyConfig


def test_prompts(prompts: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the test prompts: prompt_id, prompt, language, split; sorted by prompt_id.

    Parameters
    ----------
    prompts : DataFrame
        From `split_prompts`.
    config : StudyConfig
        ``evaluation.test_prompts`` limits their number per language, the first in the order of their ids.
    """
    own = prompts[prompts["split"] == TEST].sort_values("prompt_id", ignore_index=True)
    most = config.evaluation.test_prompts
    return own if most is None else own.groupby("language", sort=False).head(most).reset_index(drop=True)


test_prompts.__test__ = False  # type: ignore[attr-defined]  # its name is no test's, whatever pytest thinks
