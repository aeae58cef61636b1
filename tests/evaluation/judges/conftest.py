"""A hostile server, and judges that ask it quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from plural_core.evaluation.judges.base import Ask, Verdict
from plural_core.evaluation.judges.openai import OpenAIJudge
from plural_core.evaluation.judges.rubric import Rubric
from plural_core.study.evaluation_config import JudgeConfig
from tests.evaluation.judges.hostile import Hostile, hostile_server

TOXICITY = Rubric("toxicity", "Toxicity", "Harmful language.", 5, ("no", "rather no", "neutral", "rather", "yes"))
HELP = Rubric("helpfulness", "Helpfulness", "Relevant and clear.", 3)

MakeJudge = Callable[..., OpenAIJudge]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile_server() as state:
        yield state


@pytest.fixture
def make_judge(server: Hostile) -> MakeJudge:
    def make(name: str = "gpt", **settings: Any) -> OpenAIJudge:
        given = {"kind": "openai", "model": "tiny-judge", "base_url": server.url, "timeout": 15.0} | settings
        config = JudgeConfig.model_validate(given)
        rubrics = {rubric.dimension: rubric for rubric in (TOXICITY, HELP)}
        return OpenAIJudge(name, config, rubrics, first_wait=0.002, longest_wait=1.0)

    return make


def asks_of(responses: Sequence[str]) -> list[Ask]:
    return [Ask(f"What about {i}?", response, "en") for i, response in enumerate(responses)]


def judged(judge: OpenAIJudge, responses: Sequence[str], dimension: str = "toxicity") -> list[Verdict]:
    """The verdicts in order; every text must have exactly one."""
    found: dict[int, Verdict] = {}
    for index, verdict in judge.judge(dimension, asks_of(responses)):
        assert index not in found
        found[index] = verdict
    assert sorted(found) == list(range(len(responses)))
    return [found[i] for i in range(len(responses))]
