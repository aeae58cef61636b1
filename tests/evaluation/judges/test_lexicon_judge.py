"""The lexicon judge gives the simulated world's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from plural_core.evaluation.judges.base import UNSCORABLE, Ask, Judge, JudgeError
from plural_core.evaluation.judges.lexicon import LexiconJudge
from plural_core.simulation.lexicon import Lexicon
from plural_core.simulation.phrases import phrases
from plural_core.study import StudyConfig

NAMES = ("toxicity", "emotional_awareness")


def config(seed: int = 1, **simulation: object) -> StudyConfig:
    return StudyConfig.model_validate({"study": "simulated", "seed": seed, "simulation": simulation})


@pytest.fixture(scope="module")
def judge() -> LexiconJudge:
    return LexiconJudge.of("lexicon", config(), NAMES)


def test_scores_are_those_of_the_lexicon(judge: LexiconJudge) -> None:
    rng = np.random.default_rng(1)
    bank = phrases()
    asks = []
    for i in range(300):
        language = ("en", "de", "", "fr")[i % 4]
        chosen = rng.choice(len(bank), size=1 + i % 4)
        text = " ".join(bank[k].texts["de" if language == "de" else "en"] for k in chosen)
        asks.append(Ask("?", text + (" Something unknown." if i % 7 == 0 else ""), language))
    lexicon = Lexicon.of(config())
    for dimension in NAMES:
        found = dict(judge.judge(dimension, asks))
        assert sorted(found) == list(range(len(asks)))
        for i, ask in enumerate(asks):
            language = ask.language if ask.language in ("en", "de") else None
            assert found[i].score == pytest.approx(lexicon.score(ask.response, dimension, language), abs=1e-12)
            assert found[i].reason == ""


def test_direction(judge: LexiconJudge) -> None:
    kinds = {phrase.kind: phrase for phrase in phrases()}
    cruel = min(phrases(), key=lambda p: p.strength[1])
    asks = [Ask("?", kinds["warm"].texts["en"], "en"), Ask("?", cruel.texts["en"], "en")]
    awareness = dict(judge.judge("emotional_awareness", asks))
    assert awareness[0].score > awareness[1].score


@pytest.mark.parametrize("text", ["", "   ", "No such sentence.", "!?!"])
def test_unknown_texts_are_unscorable(judge: LexiconJudge, text: str) -> None:
    verdict = dict(judge.judge("toxicity", [Ask("?", text, "en")]))[0]
    assert not verdict.scored and verdict.reason.startswith(UNSCORABLE)


def test_a_sentence_of_another_language_is_unknown(judge: LexiconJudge) -> None:
    german = phrases()[0].texts["de"]
    verdicts = dict(judge.judge("toxicity", [Ask("?", german, "en"), Ask("?", german, "de"), Ask("?", german, "")]))
    assert [verdicts[i].scored for i in range(3)] == [False, True, True]


def test_version(judge: LexiconJudge) -> None:
    version = judge.version("toxicity")
    assert version == LexiconJudge.of("other", config(seed=9), NAMES).version("toxicity")
    assert version != judge.version("emotional_awareness")
    assert version != LexiconJudge.of("lexicon", config(world="null"), NAMES).version("toxicity")
    assert version != LexiconJudge.of("lexicon", config(gains={"toxicity": 1.0}), NAMES).version("toxicity")


def test_protocol_and_bad_input(judge: LexiconJudge) -> None:
    assert isinstance(judge, Judge)
    assert (judge.name, judge.dimensions) == ("lexicon", NAMES)
    assert list(judge.judge("toxicity", [])) == []
    with pytest.raises(JudgeError, match="Did you mean 'toxicity'"):
        list(judge.judge("toxicty", []))
    with pytest.raises(JudgeError, match="Did you mean 'toxicity'"):
        judge.version("toxicty")
