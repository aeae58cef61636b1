"""What the pooling notebooks show: the same numbers as the tables, and words that fit them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from plural_core.figures import forest_figure
from plural_core.pooling.pool import pooled_table
from plural_core.pooling.story import declared, forest_rows, overview_rows, pooled_findings, published_values
from plural_core.study import StudyConfig
from plural_core.study.contrasts import Contrast


@pytest.fixture(scope="module")
def pooled(effects: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    return pooled_table(effects, config)


@pytest.fixture(scope="module")
def contrast(config: StudyConfig) -> Contrast:
    return next(c for c in declared(config, "demographic") if c.name == "female - male")


def test_a_forest_s_summary_is_the_pooled_table_s(
    effects: pd.DataFrame, pooled: pd.DataFrame, config: StudyConfig, contrast: Contrast
) -> None:
    rows = forest_rows(effects, pooled, config, contrast, "toxicity", "lexicon", published_values())
    families, summary = rows.iloc[:-1], rows.iloc[-1]
    own = pooled[(pooled["contrast"] == "female - male") & (pooled["dimension"] == "toxicity")]
    expected = own[(own["method"] == "DL") & (own["test"] == "z")].iloc[0]
    for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high"):
        assert summary[name] == pytest.approx(expected[name])
    assert families["weight"].sum() == pytest.approx(100.0)
    assert (families["label"].tolist(), summary["kind"]) == (["Llama", "Phi-3", "Qwen3"], "summary")
    assert summary["published"] == -0.035
    assert families["published"].isna().all()


@pytest.mark.parametrize(("level", "quantile"), [(0.95, 1.959963985), (0.9, 1.644853627)])
@pytest.mark.parametrize("test", ["z", "knha"])
def test_intervals_of_families_are_normal_at_the_study_s_level(
    effects: pd.DataFrame, pooled: pd.DataFrame, config: StudyConfig, contrast: Contrast, level: float,
    quantile: float, test: str,
) -> None:  # fmt: skip
    pooling = config.pooling.model_copy(update={"level": level, "test": test})
    other = config.model_copy(update={"pooling": pooling})
    rows = forest_rows(effects, pooled, other, contrast, "toxicity", "lexicon").iloc[:-1]
    errors = effects[(effects["contrast"] == "female - male") & (effects["dimension"] == "toxicity")]
    half = (rows["ci_high"] - rows["ci_low"]).to_numpy() / 2
    assert np.allclose(half, quantile * errors.sort_values("family")["std_error"].to_numpy())


def test_one_family_is_a_forest_of_one_row_and_its_summary(
    effects: pd.DataFrame, pooled: pd.DataFrame, config: StudyConfig, contrast: Contrast
) -> None:
    rows = forest_rows(effects, pooled, config, contrast, "toxicity", "lexicon", families=["qwen3"])
    assert rows["estimate"].nunique() == 1
    assert rows["weight"].iloc[0] == 100.0
    figure = forest_figure(rows, title="t", x="x", kind="kind", weight="weight", prediction=("pi_low", "pi_high"))
    assert list(figure.layout.yaxis.ticktext) == ["Qwen3", "<b>pooled (DL)</b>"]


def test_a_family_without_scores_has_no_forest(
    effects: pd.DataFrame, pooled: pd.DataFrame, config: StudyConfig, contrast: Contrast
) -> None:
    assert forest_rows(effects, pooled, config, contrast, "toxicity", "lexicon", families=["gone"]).empty
    assert forest_rows(effects.iloc[:0], pooled, config, contrast, "toxicity", "lexicon").empty


def test_an_overview_has_the_declared_contrasts_that_are_pooled(pooled: pd.DataFrame, config: StudyConfig) -> None:
    rows = overview_rows(pooled, config, "demographic", "lexicon")
    assert rows["contrast"].tolist() == [c.label for c in declared(config, "demographic")]
    assert (rows["families"] == 3).all()
    gone = overview_rows(pooled[pooled["experiment"] != "demographic"], config, "demographic", "lexicon")
    assert gone.empty


def finding(pooled: pd.DataFrame, config: StudyConfig, **values: float) -> str:
    row = pooled[(pooled["contrast"] == "female - male") & (pooled["dimension"] == "toxicity")]
    (found,) = pooled_findings(row.assign(**values), pd.DataFrame(columns=["experiment", "contrast", "dimension",
                               "judge"]), config, "demographic")  # fmt: skip
    return str(found["sentence"])


def test_a_finding_says_direction_interval_and_chance(pooled: pd.DataFrame, config: StudyConfig) -> None:
    sure = finding(pooled, config, estimate=-0.035, ci_low=-0.05, ci_high=-0.02, p_holm=0.0004)
    assert "score 3.5 points lower on toxicity than those tuned on male raters" in sure
    assert "(−5.0 to −2.0 on a scale of 100, 3 model families, p < .001 after adjustment)" in sure
    unsure = finding(pooled, config, estimate=0.011, ci_low=0.002, ci_high=0.021, p_holm=0.068)
    assert "1.1 points higher" in unsure
    assert "p = .068 after adjustment; that may be chance" in unsure
    none = finding(pooled, config, estimate=-0.0002, ci_low=-0.008, ci_high=0.008, p_holm=0.963)
    assert "score the same on toxicity to 0.1 points as those tuned on male raters" in none


def test_published_values_are_turned_where_the_paper_prints_second_minus_first() -> None:
    values = published_values()
    assert values["exp4_tox_vs_ea"] == -0.097
    assert values["exp4_tox_vs_both"] == -0.084
    assert "exp2_5_vs_3" not in values
