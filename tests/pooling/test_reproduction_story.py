"""Words about the reproduction: a name for every part, words for every column, nothing where nothing is there."""

from __future__ import annotations

from plural_core.pooling.reproduction import COLUMNS, reproduction_table
from plural_core.pooling.reproduction_story import NAMES, READABLE, experiment_sentences, reproduction_findings
from plural_core.published import read_published
from plural_core.study import StudyConfig


def test_nothing_to_compare_gives_sentences_and_no_finding(config: StudyConfig) -> None:
    table = reproduction_table(read_published(), {}, config)
    assert reproduction_findings(table) == []
    sentences = experiment_sentences(table)
    assert len(sentences) == table["experiment"].nunique()
    assert all(sentence.endswith("nothing here can be set beside it.") for sentence in sentences)


def test_every_part_has_a_name_and_every_column_words() -> None:
    assert set(read_published()["experiment"]) <= set(NAMES)
    assert set(READABLE) == set(COLUMNS) - {"id", "experiment", "unit"}
    assert not any("_" in word for word in READABLE.values())
