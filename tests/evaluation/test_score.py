"""Scoring: each judge once per distinct text, the rest from the cache, failures listed and left for the next run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.errors import DataError
from plural_core.evaluation.judges.base import FAILED, UNSCORABLE, Ask, Judge, JudgeError, Verdict
from plural_core.evaluation.judges.cache import JudgeCache
from plural_core.evaluation.judges.cached import CachedJudge
from plural_core.evaluation.judges.lexicon import LexiconJudge
from plural_core.evaluation.score import Scored, score_answers
from plural_core.ratings.schemas.check import check_table
from plural_core.simulation.lexicon import Lexicon
from plural_core.simulation.phrases import phrases
from plural_core.study import StudyConfig
from tests.evaluation.judges.hostile import Hostile, hostile_server, level_of

NAMES = ("toxicity", "emotional_awareness")
REAL = StudyConfig.model_validate(
    {
        "study": "real",
        "data": {"adapter": "table", "path": "x.csv"},
        "dimensions": {"toxicity": {"label": "Toxicity"}, "emotional_awareness": {"label": "Awareness"}},
        "factors": {},
    }
)
SIMULATED = StudyConfig.model_validate({"study": "simulated"})
PROMPTS = pd.DataFrame(
    {
        "prompt_id": ["p1", "p2", "p3"],
        "prompt": ["How are you?", "Who cooks?", "How are you?"],
        "language": ["en", "de", "en"],
    }
)


class Scripted:
    """A judge that says what the test tells it to, and counts what it is asked."""

    def __init__(self, name: str = "scripted", dimensions: Sequence[str] = NAMES, verdicts: Mapping | None = None):
        self.name = name
        self.dimensions = tuple(dimensions)
        self.verdicts = dict(verdicts or {})
        self.asked: Counter[tuple[str, Ask]] = Counter()
        self.rubric = "v1"
        self.fault: dict[str, Exception] = {}

    def version(self, dimension: str) -> str:
        if "version" in self.fault:
            raise self.fault["version"]
        return f"{self.rubric}-{dimension}"

    def judge(self, dimension: str, asks: Sequence[Ask]) -> Iterator[tuple[int, Verdict]]:
        for index in reversed(range(len(asks))):
            if "judge" in self.fault:
                raise self.fault["judge"]
            self.asked[dimension, asks[index]] += 1
            verdict = self.verdicts.get(asks[index].response, Verdict(len(asks[index].response) % 5 / 4, "because"))
            if verdict is not None:
                yield index, verdict


class Priced(Scripted):
    def __init__(self, **settings: object):
        super().__init__("priced", **settings)
        self.plans: list[dict[str, int]] = []

    def plan(self, todo: Mapping[str, Sequence[Ask]]) -> str:
        self.plans.append({name: len(asks) for name, asks in todo.items()})
        if "plan" in self.fault:
            raise self.fault["plan"]
        return "priced: about $1"

    def spent(self) -> str:
        return "priced: $0.90"


def answers_of(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["run_id", "prompt_id", "text"])


ANSWERS = answers_of(
    ("a", "p1", "I am fine, thanks."),
    ("a", "p2", "My mother did so yesterday."),
    ("b", "p1", "I am fine, thanks."),
    ("b", "p3", "I am fine, thanks."),  # the same prompt text under another id
    ("b", "p2", "I am fine, thanks."),  # another prompt
    ("c", "p1", ""),
    ("c", "p2", "A robot, I would guess."),
)


def score(judge: object, tmp_path: Path, answers: pd.DataFrame = ANSWERS, config: StudyConfig = REAL) -> Scored:
    judges = judge if isinstance(judge, list) else [judge]
    with JudgeCache.of(tmp_path) as cache:
        scored = score_answers(judges, answers, PROMPTS, NAMES, cache, config)
    check_table(scored.table, "scores")
    expected = sum(len(answers) * len(set(j.dimensions) & set(NAMES)) for j in judges)
    assert len(scored.table) == expected == scored.counts["n_answers"].sum()
    kinds = scored.counts[["n_scored", "n_unscorable", "n_failed"]].sum(axis=1)
    assert (kinds == scored.counts["n_answers"]).all()
    missing = scored.table["score"].isna()
    assert scored.table.loc[missing, "reason"].str.startswith((UNSCORABLE, FAILED)).all()
    return scored


def test_each_distinct_text_is_asked_once_and_rows_are_joined(tmp_path: Path) -> None:
    judge = Scripted()
    scored = score(judge, tmp_path)
    assert len(judge.asked) == 2 * 4 and set(judge.asked.values()) == {1}
    table = scored.table.set_index(["dimension", "run_id", "prompt_id"])
    for row in ANSWERS.itertuples():
        for dimension in NAMES:
            found = table.loc[(dimension, row.run_id, row.prompt_id)]
            if row.text:
                assert (found["score"], found["reason"]) == (len(row.text) % 5 / 4, "because")
            else:
                assert np.isnan(found["score"]) and found["reason"].startswith(UNSCORABLE)
            assert (found["judge"], found["judge_version"]) == ("scripted", f"v1-{dimension}")
    counts = scored.counts.set_index("dimension").loc["toxicity"]
    assert counts.to_dict() == {
        "judge": "scripted",
        "n_answers": 7,
        "n_texts": 4,
        "n_cached": 0,
        "n_asked": 4,
        "n_scored": 6,
        "n_unscorable": 1,
        "n_failed": 0,
    }
    assert scored.notes == ()


def test_a_second_run_asks_nothing_and_says_the_same(tmp_path: Path) -> None:
    first = score(Scripted(), tmp_path)
    judge = Scripted()
    again = score(judge, tmp_path)
    assert not judge.asked
    pd.testing.assert_frame_equal(first.table, again.table)
    assert again.counts["n_cached"].tolist() == [4, 4]
    more = pd.concat([ANSWERS, answers_of(("d", "p1", "New."))], ignore_index=True)
    score(judge, tmp_path, more)
    assert {(d, ask.response) for d, ask in judge.asked} == {(d, "New.") for d in NAMES}


def test_another_rubric_is_asked_again(tmp_path: Path) -> None:
    score(Scripted(), tmp_path)
    judge = Scripted()
    judge.rubric = "v2"
    scored = score(judge, tmp_path)
    assert sum(judge.asked.values()) == 8
    assert set(scored.table["judge_version"]) == {"v2-toxicity", "v2-emotional_awareness"}


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    first = score(Scripted(), tmp_path / "a")
    other = score(Scripted(), tmp_path / "b", ANSWERS.sample(frac=1.0, random_state=1))
    pd.testing.assert_frame_equal(first.table, other.table)


def test_failures_are_listed_and_asked_again(tmp_path: Path) -> None:
    robot, mother = "A robot, I would guess.", "My mother did so yesterday."
    judge = Scripted(verdicts={robot: Verdict.missing("the server answers 500"), mother: None})
    scored = score(judge, tmp_path)
    assert scored.n_failed == 4
    reasons = scored.table.set_index(["dimension", "run_id", "prompt_id"])["reason"]
    assert reasons["toxicity", "c", "p2"] == "failed: the server answers 500"
    assert reasons["toxicity", "a", "p2"] == "failed: the judge gave no answer"
    assert "4 scores are missing and left for the next run" in scored.notes[0]
    again = Scripted()
    assert score(again, tmp_path).n_failed == 0
    assert {ask.response for _, ask in again.asked} == {robot, mother}


@pytest.mark.parametrize("bad", [1.01, -0.2, float("inf")])
def test_a_score_outside_the_range_is_a_failure(bad: float, tmp_path: Path) -> None:
    scored = score(Scripted(verdicts={"I am fine, thanks.": Verdict(bad)}), tmp_path)
    assert scored.n_failed == 2 * 4
    assert "not in [0, 1]" in scored.notes[0]
    assert sum(JudgeCache.of(tmp_path).count(n) for n in ("scripted",)) == 4


def test_a_judge_may_call_a_text_unscorable(tmp_path: Path) -> None:
    verdict = Verdict.missing(f"{UNSCORABLE}no known word")
    scored = score(Scripted(verdicts={"A robot, I would guess.": verdict}), tmp_path)
    assert scored.n_failed == 0
    assert scored.counts["n_unscorable"].tolist() == [2, 2]


@pytest.mark.parametrize("where", ["version", "judge", "plan"])
def test_a_judge_that_cannot_be_asked_leaves_the_others_alone(where: str, tmp_path: Path) -> None:
    broken, fine = Priced(), Scripted("fine")
    broken.fault[where] = JudgeError("judge 'priced': no key")
    scored = score([broken, fine], tmp_path)
    failed = scored.counts.groupby("judge")["n_failed"].sum()
    assert failed.to_dict() == {"fine": 0, "priced": 12}
    assert any("no key" in note and "12" not in note for note in scored.notes)
    assert scored.table.query("judge == 'priced'")["reason"].isin(["failed: judge 'priced': no key"]).sum() == 12


def test_scores_that_are_kept_need_no_key(tmp_path: Path) -> None:
    score(Priced(), tmp_path)
    judge = Priced()
    judge.fault["plan"] = JudgeError("no key")
    assert score(judge, tmp_path).n_failed == 0
    assert not judge.plans
    more = pd.concat([ANSWERS, answers_of(("d", "p1", "New."))], ignore_index=True)
    assert score(judge, tmp_path, more).n_failed == 2


def test_the_plan_is_told_before_and_the_cost_after(tmp_path: Path) -> None:
    judge = Priced()
    scored = score(judge, tmp_path)
    assert judge.plans == [dict.fromkeys(NAMES, 4)]
    assert scored.notes == ("priced: about $1", "priced: $0.90")


def test_each_judge_scores_its_own_dimensions(tmp_path: Path) -> None:
    scored = score([Scripted("one", ["toxicity", "helpfulness"]), Scripted("two")], tmp_path)
    found = set(scored.table[["judge", "dimension"]].itertuples(index=False, name=None))
    assert found == {("one", "toxicity"), ("two", "toxicity"), ("two", "emotional_awareness")}


def test_reasoning_traces_are_not_judged(tmp_path: Path) -> None:
    judge = Scripted(dimensions=["toxicity"])
    thought = "<think>They are all stupid. But I must be polite.</think>\n\nI am fine, thanks."
    scored = score(judge, tmp_path, answers_of(("a", "p1", thought), ("b", "p1", "I am fine, thanks.")))
    assert [ask.response for _, ask in judge.asked] == ["I am fine, thanks."]
    assert scored.table["score"].nunique() == 1


def test_the_lexicon_on_a_simulated_study(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    bank = [p for p in phrases() if p.kind]
    texts = [" ".join(bank[k].texts["en"] for k in rng.choice(len(bank), 3, replace=False)) for _ in range(20)]
    rows = [(f"r{i}", "p1", text) for i, text in enumerate(texts)]
    rows += [
        ("empty", "p1", " "),
        ("unknown", "p1", "No bank knows this sentence. Nor this."),
        ("half", "p1", texts[0] + " What? Why?"),
    ]
    scored = score(LexiconJudge.of("lexicon", SIMULATED, NAMES), tmp_path, answers_of(*rows), SIMULATED)
    lexicon = Lexicon.of(SIMULATED)
    table = scored.table.set_index(["dimension", "run_id"])
    for dimension in NAMES:
        for i, text in enumerate(texts):
            assert table.loc[(dimension, f"r{i}"), "score"] == pytest.approx(lexicon.score(text, dimension, "en"))
        for name in ("empty", "unknown", "half"):
            assert table.loc[(dimension, name), "reason"].startswith(UNSCORABLE)
    assert scored.counts["n_unscorable"].tolist() == [3, 3]


def test_nothing_to_score(tmp_path: Path) -> None:
    assert score(Scripted(), tmp_path, ANSWERS.iloc[:0]).table.empty
    with JudgeCache.of(tmp_path) as cache:
        check_table(score_answers([], ANSWERS, PROMPTS, NAMES, cache, REAL).table, "scores")


def test_bad_input(tmp_path: Path) -> None:
    cache = JudgeCache.of(tmp_path)
    for answers, prompts, words in (
        (ANSWERS.drop(columns="text"), PROMPTS, "answers: column 'text'"),
        (ANSWERS, PROMPTS.drop(columns="language"), "prompts: column 'language'"),
        (ANSWERS, PROMPTS.iloc[:1], "no text is known for prompt p2, p3"),
        (pd.concat([ANSWERS, ANSWERS.iloc[:1]]), PROMPTS, "run 'a' answers prompt 'p1' twice"),
    ):
        with pytest.raises(DataError, match=words):
            score_answers([Scripted()], answers, prompts, NAMES, cache, REAL)


def test_damage_in_the_cache_is_noted(tmp_path: Path) -> None:
    score(Scripted(), tmp_path)
    (file,) = tmp_path.rglob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-20])
    judge = Scripted()
    scored = score(judge, tmp_path)
    assert sum(judge.asked.values()) == 1
    assert "1 damaged line is skipped" in scored.notes[-1]


def test_a_judge_with_a_memory(tmp_path: Path) -> None:
    asks = [Ask("p", "one"), Ask("p", "two"), Ask("p", "one"), Ask("p", "down"), Ask("q", "one")]
    judge = Priced(verdicts={"down": Verdict.missing("down")})
    with JudgeCache.of(tmp_path) as cache:
        kept = CachedJudge(judge, cache)
        assert isinstance(kept, Judge)
        assert (kept.name, kept.dimensions, kept.version("toxicity")) == ("priced", NAMES, "v1-toxicity")
        first = dict(kept.judge("toxicity", asks))
        assert judge.plans == [{"toxicity": 4}] and set(judge.asked.values()) == {1}
        assert kept.notes == ["priced: about $1", "priced: $0.90"]
        again = list(kept.judge("toxicity", asks))
    assert judge.plans[1:] == [{"toxicity": 1}]
    assert [index for index, _ in again] == [0, 1, 2, 4, 3]
    assert first[3].reason == "failed: down" and not first[3].scored
    assert [first[i].score for i in (0, 1, 2, 4)] == [3 / 4] * 4
    judge.fault["plan"] = JudgeError("no key")
    with pytest.raises(JudgeError):
        list(kept.judge("toxicity", asks))
    assert len(list(kept.judge("toxicity", asks[:3]))) == 3


RUN = """
    import sys
    from pathlib import Path
    import pandas as pd
    from plural_core.evaluation.judges.cache import JudgeCache
    from plural_core.evaluation.judges.openai import OpenAIJudge
    from plural_core.evaluation.judges.rubric import Rubric
    from plural_core.evaluation.score import score_answers
    from plural_core.study import StudyConfig
    from plural_core.study.evaluation_config import JudgeConfig

    url, root, n, out = sys.argv[1:]
    config = StudyConfig.model_validate({
        "study": "real", "data": {"adapter": "table", "path": "x.csv"}, "factors": {},
        "dimensions": {"toxicity": {"label": "Toxicity"}},
    })
    judge = OpenAIJudge(
        "gpt",
        JudgeConfig.model_validate({"kind": "openai", "model": "m", "base_url": url, "concurrency": 4}),
        {"toxicity": Rubric.of("toxicity", config.dimensions["toxicity"])},
        first_wait=0.01,
    )
    texts = [f"Answer number {i} is this one." for i in range(int(n))]
    answers = pd.DataFrame({"run_id": "a", "prompt_id": [f"p{i}" for i in range(int(n))], "text": texts})
    prompts = answers.assign(prompt=[f"What about {i}?" for i in range(int(n))], language="en")
    with JudgeCache.of(Path(root)) as cache:
        scored = score_answers([judge], answers, prompts, ["toxicity"], cache, config)
    scored.table.merge(answers).to_json(out, orient="records")
"""


def _start(server: Hostile, root: Path, n: int, out: Path) -> subprocess.Popen[bytes]:
    script = textwrap.dedent(RUN)
    environment = os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return subprocess.Popen([sys.executable, "-c", script, server.url, str(root), str(n), str(out)], env=environment)


def _settled(server: Hostile, quiet: float = 0.5) -> None:
    """Wait until the server has nothing left to do: it goes on answering requests whose asker has died."""
    seen, since = server.good.total(), time.monotonic()
    while time.monotonic() - since < quiet:
        time.sleep(0.02)
        if server.good.total() != seen:
            seen, since = server.good.total(), time.monotonic()


def test_killed_and_run_again(tmp_path: Path) -> None:
    n, out = 80, tmp_path / "scores.json"
    with hostile_server(pace=0.02) as server:
        run = _start(server, tmp_path, n, out)
        deadline = time.monotonic() + 60
        while server.good.total() < 25 and time.monotonic() < deadline:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        run.wait()
        _settled(server)
        assert 25 <= server.good.total() < n and not out.exists()
        kept = JudgeCache.of(tmp_path).count("gpt")
        lost = server.good.total() - kept
        assert 0 <= lost <= 8  # answers under way, or come and not yet written, when the process died
        server.plan = {f"Answer number {i} is this one.": ["500"] for i in range(0, n, 3)}
        assert _start(server, tmp_path, n, out).wait(timeout=60) == 0
        assert server.good.total() == n + lost
        assert set(server.good) == {f"Answer number {i} is this one." for i in range(n)}
        rows = json.loads(out.read_text())
        assert len(rows) == n
        assert all(row["score"] == (level_of(row["text"]) - 1) / 4 for row in rows)
