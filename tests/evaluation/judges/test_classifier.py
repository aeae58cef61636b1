"""A classification model as a judge: tiny random models, saved and loaded as a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

from plural_core.evaluation.judges.base import Ask, Judge, JudgeError
from plural_core.evaluation.judges.classifier import ClassifierJudge, folder_hash, longest_of

SENTENCE = "you are so very kind rude and stupid people like that"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *SENTENCE.split()]
LABELS = {0: "neutral", 1: "toxic", 2: "obscene"}
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def make(name: str = "model", kind: str = "bert", seed: int = 1, longest: int = 12, **config: object) -> Path:
        torch.manual_seed(seed)
        words = {word: i for i, word in enumerate(WORDS)}
        raw = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
        raw.pre_tokenizer = pre_tokenizers.Whitespace()
        special = {"pad_token": "[PAD]"} if kind == "bert" else {"eos_token": "[SEP]"}
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=raw, unk_token="[UNK]", model_max_length=longest, **special
        )
        shape = {"vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        shape |= {"intermediate_size": 16, "max_position_embeddings": 64, "initializer_range": 1.0}
        labels = {"id2label": LABELS, "label2id": {v: k for k, v in LABELS.items()}} | config
        if kind == "bert":
            model = BertForSequenceClassification(BertConfig(**shape, **labels))
        elif kind == "llama":
            model = LlamaForSequenceClassification(LlamaConfig(**shape, **labels, pad_token_id=None))
        else:
            model = BertModel(BertConfig(**shape))
        folder = tmp_path / name
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


TEXTS = ["you are so kind", "stupid people", "rude and very very very stupid people like that", "xyz", "you"]


def scores(folder: Path, labels: dict[str, str], dimension: str = "toxicity", batch: int = 2) -> list[float]:
    judge = ClassifierJudge("clf", str(folder), labels, batch=batch, device="cpu")
    found = dict(judge.judge(dimension, [Ask("?", t, "en") for t in TEXTS]))
    assert sorted(found) == list(range(len(TEXTS)))
    return [found[i].score for i in range(len(TEXTS))]


def logits_of(folder: Path, text: str) -> np.ndarray:
    """Logits of one text by itself, from the ids alone."""
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    ids = [WORDS.index(w) if w in WORDS else 1 for w in text.split()][:12]
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].double().numpy()


def test_softmax_and_not(save: Save) -> None:
    folder = save()
    p = scores(folder, {"toxicity": "toxic"})
    for text, found in zip(TEXTS, p, strict=True):
        z = logits_of(folder, text)
        assert found == pytest.approx(np.exp(z[1]) / np.exp(z).sum(), abs=1e-5)
    assert len({round(v, 6) for v in p}) == len(TEXTS)
    assert scores(folder, {"toxicity": "not:toxic"}) == pytest.approx([1.0 - v for v in p], abs=1e-12)
    for batch in (1, 5):
        assert scores(folder, {"toxicity": "toxic"}, batch=batch) == pytest.approx(p, abs=1e-5)


def test_sigmoid_where_labels_do_not_exclude_each_other(save: Save) -> None:
    folder = save(problem_type="multi_label_classification")
    for text, found in zip(TEXTS, scores(folder, {"toxicity": "toxic"}), strict=True):
        assert found == pytest.approx(1.0 / (1.0 + np.exp(-logits_of(folder, text)[1])), abs=1e-5)


def test_a_single_label_is_a_probability_of_its_own(save: Save) -> None:
    folder = save(id2label={0: "toxic"}, label2id={"toxic": 0}, problem_type=None)
    for text, found in zip(TEXTS, scores(folder, {"toxicity": "toxic"}), strict=True):
        assert found == pytest.approx(1.0 / (1.0 + np.exp(-logits_of(folder, text)[0])), abs=1e-5)


def test_long_texts_are_cut_at_their_end(save: Save) -> None:
    judge = ClassifierJudge("clf", str(save()), {"toxicity": "toxic"}, device="cpu")
    start = " ".join(["you are so very kind and rude"] * 2)
    long = [Ask("?", start + " stupid" * n) for n in (1, 500)]
    one, other = (v.score for _, v in sorted(judge.judge("toxicity", long)))
    assert one == pytest.approx(other, abs=1e-6)


def test_a_model_without_pad_token(save: Save) -> None:
    folder = save(kind="llama")
    batched, single = (scores(folder, {"toxicity": "toxic"}, batch=b) for b in (5, 1))
    assert batched == pytest.approx(single, abs=1e-5)


def test_an_empty_text_has_a_score_or_a_reason(save: Save) -> None:
    judge = ClassifierJudge("clf", str(save()), {"toxicity": "toxic"}, device="cpu")
    for text in ("", "\n"):
        verdict = dict(judge.judge("toxicity", [Ask("?", text), Ask("?", "you")]))[0]
        assert verdict.scored or verdict.reason


def test_two_dimensions_and_versions(save: Save) -> None:
    first, second = save("first"), save("second", seed=2)
    labels = {"toxicity": "toxic", "helpfulness": "not:obscene"}
    judge = ClassifierJudge("clf", str(first), labels, device="cpu")
    assert isinstance(judge, Judge)
    assert judge.dimensions == ("toxicity", "helpfulness")
    assert scores(first, labels, "helpfulness") == pytest.approx(
        [1 - v for v in scores(first, {"helpfulness": "obscene"}, "helpfulness")]
    )
    assert judge.version("toxicity") != judge.version("helpfulness")
    assert judge.version("toxicity") == ClassifierJudge("x", str(first), labels, batch=7).version("toxicity")
    assert folder_hash(first) != folder_hash(second)


def test_bad_input_is_one_line_each(save: Save, tmp_path: Path) -> None:
    folder = save()

    def fault(model: str, label: str = "toxic") -> str:
        judge = ClassifierJudge("clf", model, {"toxicity": label}, device="cpu")
        with pytest.raises(JudgeError) as caught:
            judge.version("toxicity")
        assert "\n" not in str(caught.value) and "judge 'clf'" in str(caught.value)
        return str(caught.value)

    assert "no label 'toxik'. Did you mean 'toxic'? It has neutral, toxic, obscene" in fault(str(folder), "not:toxik")
    assert "no such folder" in fault(str(tmp_path / "nowhere"))
    assert "no trained classifier" in fault(str(save("base", kind="base")))
    assert "regression" in fault(str(save("numbers", problem_type="regression")))
    (tmp_path / "empty").mkdir()
    assert "cannot be loaded" in fault(str(tmp_path / "empty"))
    weights = folder / "model.safetensors"
    torch.save(BertForSequenceClassification.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    weights.unlink()
    assert "cannot be loaded" in fault(str(folder))  # pickled weights are not read
    with pytest.raises(JudgeError, match="no label for 'sensitivity'"):
        ClassifierJudge("clf", str(folder), {"toxicity": "toxic"}).version("sensitivity")


def test_memory_that_runs_out_halves_the_batch(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    from plural_core.evaluation.judges import classifier

    folder = save()
    expected = scores(folder, {"toxicity": "toxic"})
    real, sizes = classifier.probabilities_of, []

    def small(loaded: classifier.LoadedClassifier, texts: list[str]) -> np.ndarray:
        sizes.append(len(texts))
        if len(texts) > 2:
            raise torch.cuda.OutOfMemoryError
        return real(loaded, texts)

    monkeypatch.setattr(classifier, "probabilities_of", small)
    assert scores(folder, {"toxicity": "toxic"}, batch=5) == pytest.approx(expected, abs=1e-6)
    assert sizes == [5, 2, 2, 1]


def test_longest() -> None:
    class Part:
        def __init__(self, **values: object):
            self.__dict__.update(values)

    huge = int(1e30)
    assert longest_of(Part(max_position_embeddings=64, model_type="bert"), Part(model_max_length=12)) == 12
    assert longest_of(Part(max_position_embeddings=64, model_type="bert"), Part(model_max_length=huge)) == 64
    assert longest_of(Part(model_type="xlnet"), Part(model_max_length=huge)) == 512
    roberta = Part(max_position_embeddings=514, model_type="xlm-roberta", pad_token_id=1)
    assert longest_of(roberta, Part(model_max_length=huge)) == 512
