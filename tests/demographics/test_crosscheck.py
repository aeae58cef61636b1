"""Cross-checks with R, where R is: the same numbers; where it is not, one clear line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from plural_core.demographics import crosscheck, demographic_analysis
from plural_core.errors import WorkflowError
from plural_core.ratings.privacy import ProtectedParticipants, protect
from plural_core.ratings.tables import RatingTables
from plural_core.simulation import simulate
from plural_core.study import StudyConfig, load_study


@pytest.fixture(scope="module")
def study(root: Path) -> tuple[StudyConfig, RatingTables, ProtectedParticipants]:
    config = load_study(root / "configs" / "tiny.yaml").config
    tables = simulate(config).tables
    return config, tables, protect(tables.participants, config.factors, 10)


def test_rs_clmm_on_a_random_subset_gives_our_numbers(
    study: tuple[StudyConfig, RatingTables, ProtectedParticipants], require_crosschecks: Callable[[str], None]
) -> None:
    if not crosscheck.r_available():
        require_crosschecks("R is not on the PATH")
    config, tables, people = study
    table = crosscheck.clmm_crosscheck(tables, people, config, "emotional_awareness", n_ratings=200)
    assert crosscheck.largest_difference(table) < 1e-3
    likelihood = table.set_index("term").loc["logLik"]
    assert likelihood["ours"] == pytest.approx(likelihood["r"], rel=1e-6)


def test_pymer4s_linear_models_agree_in_sign(
    study: tuple[StudyConfig, RatingTables, ProtectedParticipants], require_crosschecks: Callable[[str], None]
) -> None:
    if not crosscheck.pymer4_available():
        require_crosschecks("pymer4 (extra [r]) is not installed")
    config, tables, people = study
    analysis = demographic_analysis(tables, people, config)
    table = crosscheck.linear_crosscheck(tables, people, config)
    assert len(table) == len(analysis.rows)
    assert table["same_sign"].mean() > 0.85


def test_without_r_there_is_one_line(
    study: tuple[StudyConfig, RatingTables, ProtectedParticipants], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    config, tables, people = study
    assert not crosscheck.r_available()
    with pytest.raises(WorkflowError, match="R was not found"):
        crosscheck.clmm_crosscheck(tables, people, config, "toxicity", n_ratings=100)
    assert list(crosscheck.crosscheck_findings(None, None)) == []
