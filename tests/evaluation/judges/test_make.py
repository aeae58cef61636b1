"""From a config's judges to judges."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from plural_core.errors import DataError, PluralError
from plural_core.evaluation.judges.base import Judge, PricedJudge
from plural_core.evaluation.judges.classifier import ClassifierJudge
from plural_core.evaluation.judges.lexicon import LexiconJudge
from plural_core.evaluation.judges.make import make_judges
from plural_core.evaluation.judges.openai import OpenAIJudge
from plural_core.study import Study, StudyConfig


def config(judges: dict[str, Any] | None = None, **sections: Any) -> StudyConfig:
    evaluation = {"dimensions": ["toxicity", "emotional_awareness"]}
    given = {"study": "s", "evaluation": evaluation, "judges": judges or {}} | sections
    return StudyConfig.model_validate(given)


ALL = {
    "lexicon": {"kind": "lexicon"},
    "gpt": {"kind": "openai", "model": "gpt-4o-mini", "dimensions": ["toxicity"]},
    "bert": {"kind": "classifier", "model": "somebody/toxic-bert", "labels": {"toxicity": "toxic"}},
}


def test_every_kind_in_the_config_s_order() -> None:
    judges = make_judges(config(ALL))
    assert [judge.name for judge in judges] == ["lexicon", "gpt", "bert"]
    assert [type(judge) for judge in judges] == [LexiconJudge, OpenAIJudge, ClassifierJudge]
    assert all(isinstance(judge, Judge) for judge in judges)
    assert [isinstance(judge, PricedJudge) for judge in judges] == [False, True, False]
    assert [judge.dimensions for judge in judges] == [
        ("toxicity", "emotional_awareness"),
        ("toxicity",),
        ("toxicity",),
    ]


def test_a_simulated_study_has_its_lexicon() -> None:
    assert [judge.name for judge in make_judges(config())] == ["lexicon"]


def test_all_dimensions_where_none_is_tuned() -> None:
    (judge,) = make_judges(StudyConfig.model_validate({"study": "s"}))
    assert len(judge.dimensions) == 5


def test_only_some() -> None:
    assert [judge.name for judge in make_judges(config(ALL), only=["gpt"])] == ["gpt"]
    with pytest.raises(PluralError, match=r"no judge 'gptt'\. Did you mean 'gpt'"):
        make_judges(config(ALL), only=["gptt"])


def test_the_rubric_has_the_study_s_words() -> None:
    words = {"toxicity": {"label": "Venom", "definition": "Hurts.", "levels": 3, "labels": ["no", "some", "yes"]}}
    changed = config({"gpt": ALL["gpt"]}, dimensions=words, evaluation={})
    judge = make_judges(changed)[0]
    assert isinstance(judge, OpenAIJudge)
    instructions = judge._rubric("toxicity").instructions
    assert "Venom means: Hurts." in instructions and "3 = yes" in instructions


def test_a_folder_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "clf").mkdir()
    judges = {"bert": ALL["bert"] | {"model": "clf"}}
    study = Study(config(judges), tmp_path / "study.yaml", tmp_path / "results")
    (judge,) = make_judges(study)
    assert isinstance(judge, ClassifierJudge)
    assert judge._source == str(tmp_path / "clf")
    (judge,) = make_judges(study.config)
    assert isinstance(judge, ClassifierJudge)
    assert judge._source == "clf"


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        ({"kind": "classifier", "model": "m", "labels": {"helpfulness": "x"}}, "scores no dimension"),
        (ALL["bert"] | {"dimensions": ["emotional_awareness"]}, "no label for 'emotional_awareness'"),
    ],
)
def test_faults(judge: dict[str, Any], words: str) -> None:
    with pytest.raises(PluralError, match=words):
        make_judges(config({"j": judge}))


def test_a_ratings_model_is_fitted_to_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    made = LexiconJudge.of("ratings_model", config(), ["toxicity"])
    given: list[Any] = []

    def fit(*arguments: Any) -> Judge:
        given.extend(arguments)
        return made

    module = types.ModuleType("plural_core.evaluation.judges.ratings_model")
    module.fit_ratings_judge = fit  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    study = config({"people": {"kind": "ratings_model", "dimensions": ["toxicity"]}})
    tables = {name: pd.DataFrame({name: [1]}) for name in ("ratings", "items", "splits")}
    assert make_judges(study, **tables) == [made]
    assert given[0] is study and [next(iter(table)) for table in given[1:4]] == ["ratings", "items", "splits"]
    assert given[4:] == ["people", ["toxicity"]]
    with pytest.raises(DataError, match="needs tables ratings"):
        make_judges(study)
