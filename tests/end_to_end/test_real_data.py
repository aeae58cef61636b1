"""People's real ratings through the real workflow: the counts that must come out."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.conftest import plural

pytestmark = [pytest.mark.end_to_end, pytest.mark.real_data]


def executed(*names: str) -> list[str]:
    return [f"report/notebooks/{name}.ipynb" for name in names]


def test_popquorn(real_data: Path, root: Path, tmp_path: Path) -> None:
    data = real_data / "popquorn" / "raw_data.csv"
    run = plural(
        *("run", root / "configs" / "popquorn.yaml", "--set", f"data.path={data}", "agreement.bootstrap=50"),
        *executed("01_quality", "02_disagreement", "04_demographic_effects"),
        cwd=tmp_path,
    )
    assert run.code == 0, run.out + run.err
    tables = tmp_path / "results" / "popquorn" / "tables"
    ratings = pd.read_parquet(tables / "ratings.parquet")
    assert len(ratings) == 13_036
    assert ratings["participant_id"].nunique() == 262
    assert ratings["item_id"].nunique() == 1_500
    assert "Simulated" not in run.out
    effects = pd.read_parquet(tables / "effects_demographic.parquet")
    assert effects["std_error"].notna().all()


def test_popquorn_through_tuning(real_data: Path, root: Path, tmp_path: Path) -> None:
    data = real_data / "popquorn" / "raw_data.csv"
    smaller = (
        "models.families=[llama]",
        "models.tiny.steps=200",
        "models.tiny.hidden=64",
        "evaluation.test_prompts=30",
    )
    run = plural(
        *("run", root / "configs" / "popquorn.yaml", *executed("13_pool-disagreement_handling")),
        *("--set", f"data.path={data}", *smaller),
        cwd=tmp_path,
    )
    assert run.code == 0, run.out + run.err
    folder = tmp_path / "results" / "popquorn"
    pairs = pd.read_parquet(folder / "tables" / "pairs.parquet")
    # One comment per prompt: each is set against what the base model makes of its first four words.
    assert (pairs[["chosen_item", "rejected_item"]] == "@counterpart").sum(axis=1).eq(1).all()
    runs = pd.read_parquet(folder / "tables" / "runs.parquet")
    assert set(runs["condition"]) == {"base", "all", "majority", "women", "men"}
    assert (runs["status"] == "done").all()
    pooled = pd.read_parquet(folder / "tables" / "pooled.parquet")
    assert set(pooled["judge"]) == {"ratings_model"}
    assert pooled.loc[pooled["contrast"] == "all - majority", "estimate"].notna().all()
    findings = json.loads((folder / "findings" / "13_pool-disagreement_handling.json").read_text(encoding="utf-8"))
    assert findings
    assert all(finding["sentence"].startswith("Illustrative, tiny models: ") for finding in findings)


def test_sbic(real_data: Path, root: Path, tmp_path: Path) -> None:
    data = real_data / "sbic" / "SBIC.v2.dev.without_text.csv"
    run = plural(
        *("run", root / "configs" / "sbic.yaml", "--set", f"data.path={data}", "agreement.bootstrap=50"),
        *executed("02_disagreement", "03_dimensions", "07_audit"),
        cwd=tmp_path,
    )
    assert run.code == 0, run.out + run.err
    folder = tmp_path / "results" / "sbic"
    ratings = pd.read_parquet(folder / "tables" / "ratings.parquet")
    assert ratings["participant_id"].nunique() == 199
    assert ratings["dimension"].value_counts().to_dict() == {"intent": 12_566, "sexual": 12_566, "offensive": 12_325}
    findings = json.loads((folder / "findings" / "02_disagreement.json").read_text(encoding="utf-8"))
    assert any(f["id"] == "disagreement_overall" and f["value"] > 0 for f in findings)
    assert "the study stops after this audit" in (folder / "report" / "notebooks" / "07_audit.ipynb").read_text("utf-8")
    steps = plural("status", root / "configs" / "sbic.yaml", "--set", f"data.path={data}", cwd=tmp_path)
    assert "09_finetune" not in steps.out
