"""A server that misbehaves: in the end every text is scored once, or listed as failed."""

from __future__ import annotations

import math
import random
import time

import pytest

from plural_core.evaluation.judges.base import JudgeError
from tests.evaluation.judges.conftest import MakeJudge, asks_of, judged
from tests.evaluation.judges.hostile import PASSING, Hostile, hostile_server, level_of


@pytest.mark.parametrize("act", PASSING)
def test_one_bad_answer_and_then_a_good_one(act: str, server: Hostile, make_judge: MakeJudge) -> None:
    texts = ["first", "second", "third"]
    server.plan = {"second": [act]}
    timeout = 2.0 if act in ("slow", "drip") else 15.0
    verdicts = judged(make_judge(concurrency=2, timeout=timeout), texts)
    assert [v.score for v in verdicts] == [(level_of(t) - 1) / 4 for t in texts]
    assert server.good == dict.fromkeys(texts, 1)
    assert server.calls == {"first": 1, "second": 2, "third": 1}


def test_everything_at_once(server: Hostile, make_judge: MakeJudge) -> None:
    draw = random.Random(7)
    quick = [act for act in PASSING if act not in ("slow", "drip", "429 with wait")]
    texts = [f"text {i}" for i in range(120)]
    server.plan = {text: draw.choices(quick, k=draw.randrange(4)) for text in texts[:80]}
    server.plan[texts[3]] = ["slow", "500"]
    server.plan[texts[4]] = ["drip"]
    server.plan[texts[5]] = ["500"] * 5
    server.plan[texts[6]] = ["refusal"]
    server.plan[texts[7]] = ["content filter"]
    server.plan[texts[8]] = ["400"]
    expected_calls = {text: len(server.plan.get(text, [])) + 1 for text in texts} | {
        texts[5]: 5,
        texts[6]: 1,
        texts[7]: 1,
        texts[8]: 1,
    }
    judge = make_judge(concurrency=8, attempts=5, timeout=3.0)
    verdicts = judged(judge, texts)
    failed = [i for i, v in enumerate(verdicts) if not v.scored]
    assert failed == [5, 6, 7, 8]
    assert all(v.score == (level_of(t) - 1) / 4 for t, v in zip(texts, verdicts, strict=True) if v.scored)
    assert server.calls == expected_calls
    assert server.good == {text: 1 for i, text in enumerate(texts) if i not in failed}
    assert "500" in verdicts[5].reason and "5 tries" in verdicts[5].reason
    assert "refused" in verdicts[6].reason
    assert "filter" in verdicts[7].reason
    assert "400" in verdicts[8].reason
    assert judge.usage.calls == sum(expected_calls.values())
    assert (judge.usage.scored, judge.usage.failed) == (116, 4)
    assert server.most_at_once <= 8
    assert not judge.stopped


def test_requests_under_way_are_limited(server: Hostile, make_judge: MakeJudge) -> None:
    server.pace = 0.02
    judged(make_judge(concurrency=3), [f"text {i}" for i in range(20)])
    assert server.most_at_once == 3


def test_a_wait_that_the_server_asks_for_holds_for_all(server: Hostile, make_judge: MakeJudge) -> None:
    server.plan = {"first": ["429 with wait"]}
    verdicts = judged(make_judge(concurrency=1, attempts=1), ["first", "second"])
    assert [v.scored for v in verdicts] == [False, True]
    assert server.times[1] - server.times[0] >= 0.29


def test_a_wait_that_is_too_long_is_left_for_the_next_run(server: Hostile, make_judge: MakeJudge) -> None:
    server.plan = {"first": ["429 until tomorrow"]}
    verdicts = judged(make_judge(), ["first", "second"])
    assert "86400 seconds" in verdicts[0].reason
    assert verdicts[1].scored
    assert server.calls["first"] == 1


@pytest.mark.parametrize("act", ["500", "drop", "words", "400"])
def test_a_judge_that_stays_down_is_left_alone(act: str, server: Hostile, make_judge: MakeJudge) -> None:
    server.always = act
    judge = make_judge(concurrency=2, attempts=3, give_up_after=4)
    texts = [f"text {i}" for i in range(60)]
    verdicts = judged(judge, texts)
    assert not any(v.scored for v in verdicts)
    assert all(v.reason and "\n" not in v.reason for v in verdicts)
    assert "stopped after 4 texts in a row" in judge.stopped and "\n" not in judge.stopped
    assert judge.stopped in judge.spent()
    assert server.calls.total() <= 3 * (4 + 2)
    assert sum("not asked" in v.reason for v in verdicts) >= 54
    before = server.calls.total()
    assert not any(v.scored for v in judged(judge, texts, "helpfulness"))
    assert server.calls.total() == before


def test_failures_that_are_not_in_a_row_do_not_stop_it(server: Hostile, make_judge: MakeJudge) -> None:
    texts = [f"text {i}" for i in range(12)]
    server.plan = {text: ["500"] for text in texts[::2]}
    judge = make_judge(concurrency=1, attempts=1, give_up_after=2)
    assert [v.scored for v in judged(judge, texts)] == [False, True] * 6


def test_refusals_do_not_stop_it(server: Hostile, make_judge: MakeJudge) -> None:
    texts = [f"text {i}" for i in range(8)]
    server.plan = {text: ["refusal"] for text in texts[:6]}
    judge = make_judge(concurrency=1, give_up_after=2)
    assert [v.scored for v in judged(judge, texts)] == [False] * 6 + [True] * 2


def test_nobody_listens(make_judge: MakeJudge) -> None:
    with hostile_server() as gone:
        url = gone.url
    judge = make_judge(base_url=url, concurrency=2, attempts=2, give_up_after=2)
    verdicts = judged(judge, [f"text {i}" for i in range(10)])
    assert not any(v.scored for v in verdicts)
    assert "no connection" in judge.stopped


@pytest.mark.parametrize(("act", "word"), [("401", "api_key_env"), ("404", "check model"), ("quota", "no credit left")])
def test_what_no_second_try_can_mend_stops_it_at_once(
    act: str, word: str, server: Hostile, make_judge: MakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    server.always = act
    judge = make_judge(concurrency=1, api_key_env="MY_KEY")
    verdicts = judged(judge, ["a", "b", "c"])
    assert server.calls.total() == 1
    assert word in judge.stopped
    assert not any(v.scored for v in verdicts)
    assert "sk-very-secret" not in judge.spent() + "".join(v.reason for v in verdicts)
    assert server.headers[0]["authorization"] == "Bearer sk-very-secret"


def test_texts_go_to_no_other_server(server: Hostile, make_judge: MakeJudge) -> None:
    with hostile_server() as other:
        server.always, server.elsewhere = "redirect", f"{other.url}/chat/completions"
        judge = make_judge(concurrency=1)
        assert not any(v.scored for v in judged(judge, ["a", "b"]))
        assert not other.calls
    assert "redirects" in judge.stopped


def test_reading_may_end_early(server: Hostile, make_judge: MakeJudge) -> None:
    server.pace = 0.01
    judge = make_judge(concurrency=2, timeout=30.0)
    server.plan = {"text 5": ["slow"]}
    begun = judge.judge("toxicity", asks_of([f"text {i}" for i in range(200)]))
    assert next(begun)[1].scored
    begun.close()
    seen = server.calls.total()
    time.sleep(0.1)
    assert server.calls.total() == seen < 200


def test_an_answer_without_end_is_not_read_to_its_end(server: Hostile, make_judge: MakeJudge) -> None:
    server.always = "huge"
    verdicts = judged(make_judge(attempts=1), ["a"])
    assert "longer than 1,000,000 bytes" in verdicts[0].reason


def test_a_setting_that_the_model_does_not_take_stops_it_at_once(server: Hostile, make_judge: MakeJudge) -> None:
    server.always = "unsupported"
    judge = make_judge(concurrency=1)
    judged(judge, ["a", "b"])
    assert server.calls.total() == 1
    assert "temperature" in judge.stopped and "takes no temperature 0" in judge.stopped


def test_no_texts_no_requests(server: Hostile, make_judge: MakeJudge) -> None:
    assert judged(make_judge(), []) == []
    assert not server.calls


def test_a_key_is_needed_where_no_address_is_given(make_judge: MakeJudge) -> None:
    judge = make_judge(base_url=None, api_key_env="MY_KEY")
    with pytest.raises(JudgeError, match="MY_KEY holds no API key"):
        list(judge.judge("toxicity", asks_of(["a"])))
    with pytest.raises(JudgeError, match="MY_KEY holds no API key"):
        judge.plan({"toxicity": asks_of(["a"])})


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://here/v1", "http://", "http:// x"])
def test_an_address_is_checked(address: str, make_judge: MakeJudge) -> None:
    with pytest.raises(JudgeError, match="is no address"):
        make_judge(base_url=address).plan({})


def test_a_key_is_checked_and_not_shown(make_judge: MakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-one\nsk-two")
    with pytest.raises(JudgeError, match="MY_KEY is no API key") as caught:
        make_judge(api_key_env="MY_KEY").plan({})
    assert "sk-" not in str(caught.value)


def test_only_the_named_variable_is_read(
    server: Hostile, make_judge: MakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-somebody-else")
    judged(make_judge(api_key_env="MY_KEY"), ["a"])
    assert server.headers[0]["authorization"] == "Bearer none"


def test_the_address_may_come_from_the_environment(
    server: Hostile, make_judge: MakeJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert judged(make_judge(base_url=None), ["a"])[0].scored


def test_a_missing_client_is_one_line(make_judge: MakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(JudgeError, match="pip install openai"):
        make_judge().plan({})


def test_an_unknown_dimension_is_one_line(make_judge: MakeJudge) -> None:
    with pytest.raises(JudgeError, match="Did you mean 'toxicity'"):
        make_judge().version("toxicty")


def test_a_missing_score_is_nan(server: Hostile, make_judge: MakeJudge) -> None:
    server.always = "400"
    assert math.isnan(judged(make_judge(), ["a"])[0].score)
