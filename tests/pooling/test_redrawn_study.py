"""The rater bootstrap through the real path: other people, other pairs, other models, two variances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.evaluation.study import evaluate_study
from plural_core.io import write_table
from plural_core.pooling.study import build_pooled
from plural_core.preferences.redraw import redraw_participants
from plural_core.ratings.schemas import check_table
from plural_core.study import Study, load_study
from plural_core.training.base import ensure_base
from plural_core.training.plan import planned_runs
from plural_core.training.run import run_all
from plural_core.training.work import FamilyWork
from plural_core.workflow.build import ensure_tables
from tests.tiny_models import CONFIG

# The shipped tiny study's own base model: its answers are sentences, so that they can be scored.
SETTINGS = (
    "models.families=[llama]",
    "training.device=cpu",
    "training.threads=1",
    "pooling.replicates=2",
    "pooling.bootstrap=100",
    "training.dpo.learning_rate=0.01",
    "conditions.women.budget={steps: 2}",
    "conditions.men.budget={steps: 2}",
)


def tuned(folder: Path, models: Path | None = None) -> tuple[Study, FamilyWork]:
    """Tune, score and pool experiment 1 of the tiny study, with base models that are there already if any are."""
    whole = load_study(CONFIG, SETTINGS, results=folder)
    config = whole.config.model_copy(update={"experiments": {"demographic": whole.config.experiments["demographic"]}})
    study = Study(config, whole.source, whole.root)
    if models is not None:
        study.models.parent.mkdir(parents=True, exist_ok=True)
        study.models.symlink_to(models)
    tables = ensure_tables(study)
    work = FamilyWork.open(study, tables, "llama", ensure_base)
    records = run_all(work, planned_runs(config, "llama"), lambda line: None)
    assert [record.status for record in records] == ["done"] * 7  # the base model, and two conditions three times
    for name, table in evaluate_study(study, tables, progress=False).tables().items():
        write_table(check_table(table, name), study.table(name))
    build_pooled(study)
    return study, work


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, FamilyWork]:
    return tuned(tmp_path_factory.mktemp("redrawn"))


def test_replicates_are_other_people_with_ratings_of_the_same_items(done: tuple[Study, FamilyWork]) -> None:
    study, work = done
    own = set(work.tables.participants["participant_id"])
    drawn = []
    for replicate in (1, 2):
        raters = redraw_participants(work.tables, study.config.seed, replicate).participants["participant_id"]
        assert len(raters) == len(own)
        assert {name.split("#")[0] for name in raters} < own  # some twice, so others not at all
        drawn.append(set(raters))
    assert drawn[0] != drawn[1]
    answers = pd.read_parquet(study.table("generations"))
    texts = {run: part.sort_values("prompt_id")["text"].tolist() for run, part in answers.groupby("run_id")}
    women = [texts[name] for name in sorted(texts) if "-women-" in name]
    assert len(women) == 3
    assert women[0] != women[1] != women[2]


def test_both_variances_are_those_of_the_scores(done: tuple[Study, FamilyWork]) -> None:
    study, _ = done
    runs, scores = (pd.read_parquet(study.table(name)) for name in ("runs", "scores"))
    table = check_table(pd.read_parquet(study.table("pooled_raters")), "pooled_raters")
    own = table[(table["contrast"] == "female - male") & (table["dimension"] == "toxicity")]
    assert len(own) == 1
    wide = (
        scores[scores["dimension"] == "toxicity"]
        .merge(runs[runs["condition"] != "base"], on="run_id")
        .pivot(index=["replicate", "prompt_id"], columns="condition", values="score")
    )
    differences = (wide["women"] - wide["men"]).dropna()
    means = differences.groupby(level="replicate").mean()
    row = own.iloc[0]
    assert row["estimate"] == pytest.approx(means[0])
    assert row["variance_raters"] == pytest.approx((means[1] - means[2]) ** 2 / 2)
    models = differences.loc[0]
    assert row["variance_models"] == pytest.approx(models.var(ddof=1) / len(models))
    assert row["std_error"] == pytest.approx(np.sqrt(row["variance_models"] + row["variance_raters"]))
    assert (row["df"], row["replicates"]) == (1, 2)


def test_the_same_seed_gives_the_same_table(done: tuple[Study, FamilyWork], tmp_path: Path) -> None:
    first, _ = done
    second, _ = tuned(tmp_path, first.models)
    one, other = (pd.read_parquet(study.table("pooled_raters")) for study in (first, second))
    assert (one["variance_raters"] > 0).any()
    pd.testing.assert_frame_equal(one, other)
