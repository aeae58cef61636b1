"""What the runs of one family share: the base model, the preference sets, the reference log-probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from plural_core.io import attempt, read_table, write_table
from plural_core.preferences.build import COUNTERPART, PreferenceSet
from plural_core.preferences.prompts import TRAIN
from plural_core.preferences.sets import StudyPreferences, study_preferences
from plural_core.ratings.tables import RatingTables
from plural_core.study import Study
from plural_core.training.base import BaseModel, hash_of
from plural_core.training.load import load_base
from plural_core.training.plan import RunSpec
from plural_core.training.reference import Reference, reference_log_probs
from plural_core.training.threads import set_threads
from plural_core.training.trained import TrainingError

if TYPE_CHECKING:
    from plural_core.training.load import LoadedModel


@dataclass(eq=False)
class FamilyWork:
    """What the runs of one family share: the base model, the preference sets, the reference, the test prompts.

    Parameters
    ----------
    study : Study
        The study.
    tables : RatingTables
        Its tables.
    base : BaseModel
        What the family's base model is.
    loaded : LoadedModel
        That model in memory.
    """

    study: Study
    tables: RatingTables
    base: BaseModel
    loaded: LoadedModel
    _preferences: dict[int, StudyPreferences] = field(default_factory=dict)
    _reference: Reference | None = None
    _counterparts: dict[str, str] | None = None

    @classmethod
    def open(
        cls, study: Study, tables: RatingTables, family: str, prepare: Callable[[Study, str], BaseModel]
    ) -> FamilyWork:
        """Load a family's base model; `prepare` trains or finds it.

        Raises
        ------
        TrainingError
            The items have no texts, or the base model is not there or not accepted.
        """
        made = study_preferences(study, tables)
        if not made.has_texts:
            raise TrainingError(
                "the items have no texts, so no model can be tuned on them; set models.families: [] to stop after the "
                "audit"
            )
        set_threads(study.config.training)
        base = prepare(study, family)
        work = cls(study, tables, base, load_base(study, family))
        work._preferences[0] = made
        return work

    def preferences(self, replicate: int) -> StudyPreferences:
        """Return the preference sets of a replicate, built once."""
        if replicate not in self._preferences:
            self._preferences[replicate] = study_preferences(self.study, self.tables, replicate)
        return self._preferences[replicate]

    def set_of(self, spec: RunSpec) -> PreferenceSet:
        """Return the preference set of a run.

        Raises
        ------
        KeyError
            Its condition gives no data; the message says why.
        """
        sets = self.preferences(spec.replicate).sets
        if spec.condition in sets.skipped:
            raise KeyError(sets.skipped[spec.condition])
        return next(s for s in sets.sets if s.condition.name == spec.condition)

    @property
    def folder(self) -> Path:
        """Folder of what is computed once per family."""
        return self.study.models / self.loaded.family

    def counterparts(self) -> dict[str, str]:
        """Return the base model's own answers to training prompts, for anchored pairs; made once and kept."""
        if self._counterparts is None:
            self._counterparts = base_answers(self)
        return self._counterparts

    def reference(self) -> Reference:
        """Return the reference log-probabilities of every text that any condition compares."""
        if self._reference is None:
            self._reference = reference_log_probs(
                self.loaded, sorted(self._compared_texts()), self.folder / "reference.parquet"
            )
        return self._reference

    def _compared_texts(self) -> set[tuple[str, str]]:
        made = self.preferences(0)
        dpo = [s for s in made.sets.sets if s.condition.algorithm == "dpo"]
        # Other replicates draw other people, but compare responses from the same items.
        replicates = self.study.config.pooling.replicates > 0
        used: set[str] = set().union(*({*s.pairs["chosen_item"], *s.pairs["rejected_item"]} for s in dpo))
        texts = made.texts if replicates else made.texts[made.texts["item_id"].isin(used)]
        training = set(made.prompts.loc[made.prompts["split"] == TRAIN, "prompt_id"])
        texts = texts[texts["prompt_id"].isin(training)]
        found = set(zip(texts["prompt"], texts["response"], strict=True))
        if COUNTERPART in used or (replicates and any(s.condition.pairing == "anchored" for s in dpo)):
            prompt_of = dict(zip(made.prompts["prompt_id"], made.prompts["prompt"], strict=True))
            found |= {(prompt_of[name], answer) for name, answer in self.counterparts().items()}
        return found


def base_answers(work: FamilyWork) -> dict[str, str]:
    """Return the base model's greedy answers to the training prompts, by prompt_id; read where they are there."""
    from plural_core.evaluation.generate import generate

    made = work.preferences(0)
    prompts = made.prompts[made.prompts["split"] == TRAIN]
    path = work.folder / "counterparts.parquet"
    settings = work.study.config.evaluation
    mark = hash_of(
        {
            "base": work.loaded.fingerprint,
            "max_new_tokens": settings.max_new_tokens,
            "prompts": prompts[["prompt_id", "prompt"]].to_dict("list"),
        }
    )
    stored = attempt(read_table, path)
    if stored is None or "mark" not in stored.columns or not (stored["mark"] == mark).all():
        stored = generate(work.loaded, prompts, max_new_tokens=settings.max_new_tokens, batch=settings.batch).assign(
            mark=mark
        )
        write_table(stored, path)
    answers = dict(zip(stored["prompt_id"], stored["text"], strict=True))
    return {prompt: text for prompt, text in answers.items() if text.strip()}
