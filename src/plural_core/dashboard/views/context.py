"""What every page works with: a study, its people as they may be shown, and the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd

from plural_core.dashboard import store
from plural_core.dashboard.guard import guard, model_terms
from plural_core.dashboard.words import Words
from plural_core.demographics.fit import shown_factors
from plural_core.ratings.privacy import NOT_STATED, ProtectedParticipants
from plural_core.study import Study
from plural_core.study.config import OWN_INSTRUMENT

MOST_KEPT = 200
Kept = TypeVar("Kept")


@dataclass(frozen=True, eq=False)
class View:
    """A study in front of a reader.

    Parameters
    ----------
    study : Study
        The study.
    words : Words
        The reader's language.
    people : ProtectedParticipants or None
        Its participants with small groups merged; None where their table cannot be read.
    current : bool
        Whether its results were made under the suppression that the config asks for now.
    """

    study: Study
    words: Words
    people: ProtectedParticipants | None
    current: bool = True
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def simulated(self) -> bool:
        """Whether the ratings are simulated."""
        return self.study.config.simulated

    @property
    def dimensions(self) -> dict[str, str]:
        """Label of each dimension, in the config's order."""
        return {name: dimension.label for name, dimension in self.study.config.dimensions.items()}

    @property
    def factors(self) -> dict[str, str]:
        """Label of each factor that may be shown, in the config's order."""
        offered = self.protected.factors
        return {name: label for name, label in self.factor_labels.items() if name in offered}

    @property
    def factor_labels(self) -> dict[str, str]:
        """Label of each factor of the config."""
        return {name: f.label or name.replace("_", " ") for name, f in self.study.config.factors.items()}

    @property
    def level(self) -> str:
        """Confidence level of the study's intervals, in percent."""
        return self.words.percent(self.study.config.agreement.level, 0)

    @property
    def has_paper_instrument(self) -> bool:
        """Whether the study asks what the paper asked, so that published values can stand beside its own."""
        return self.study.config.data.adapter in OWN_INSTRUMENT

    @property
    def protected(self) -> ProtectedParticipants:
        """The people, where their table can be read.

        Raises
        ------
        TableMissing
            It cannot.
        """
        if self.people is None:
            raise store.TableMissing(self.study, "participants")
        return self.people

    @property
    def names(self) -> list[str]:
        """Names of dimensions, factors, groups and conditions: texts from the config and the data."""
        levels = [level for shown in self.people.levels.values() for level in shown] if self.people else []
        labels = self.study.config.condition_labels.values()
        return [*self.dimensions.values(), *self.factor_labels.values(), *levels, *labels]

    @cached_property
    def compared(self) -> dict[str, list[str]]:
        """Levels of each factor that the models compare, the models' reference level first."""
        return shown_factors(self.protected, self.study.config)

    @cached_property
    def terms(self) -> frozenset[str]:
        """Names of the model terms that may be shown."""
        return model_terms(self.compared)

    def groups(self, factor: str) -> list[str]:
        """Return the levels of a factor that may be compared, in reading order."""
        return [level for level in self.protected.levels.get(factor, ()) if level != NOT_STATED]

    def table(
        self,
        name: str,
        where: Mapping[str, object] | None = None,
        columns: Iterable[str] | None = None,
        order: str = "",
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Return rows of a result table that may be shown, in the config's order; see `store.read`.

        ``attrs["withheld"]`` is the number of rows that the guard kept back.
        """
        asked = (tuple((k, _frozen(v)) for k, v in (where or {}).items()), _frozen(columns), order, limit)
        key = (name, store.signature(self.study, name), *asked)
        return self.kept(key, lambda: self._read(name, where, columns, order, limit)).copy(deep=False)

    def _read(
        self,
        name: str,
        where: Mapping[str, object] | None,
        columns: Iterable[str] | None,
        order: str,
        limit: int | None,
    ) -> pd.DataFrame:
        rows = store.read(self.study, name, where, columns, order, limit)
        found = guard(rows, self.protected, self.study, self.terms)
        table = found.table if order else self.in_order(found.table)
        table.attrs["withheld"] = found.withheld
        return table

    def kept(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Return what was made under a key before, or make it; it must not be changed. The oldest goes first."""
        if key not in self._kept:
            while len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[key] = make()
        found: Kept = self._kept[key]
        return found

    def in_order(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with its dimensions, factors and groups in the config's order, everybody first."""
        levels = [level for factor in self.protected.levels.values() for level in factor]
        known: dict[str, list[str]] = {
            "dimension": ["overall", *self.dimensions],
            "row": list(self.dimensions),
            "column": list(self.dimensions),
            "factor": ["all", *self.factor_labels],
            "factor_a": list(self.factor_labels),
            "factor_b": list(self.factor_labels),
            **{name: ["all", *levels] for name in ("level", "level_a", "level_b")},
        }
        keys = [c for c in table.columns if c in known]
        if not keys or table.empty:
            return table
        ranks = pd.DataFrame(
            {c: table[c].map({v: i for i, v in enumerate(dict.fromkeys(known[c]))}).fillna(len(known[c])) for c in keys}
        )
        at = ranks.sort_values(keys, kind="stable").index
        return table.loc[at].reset_index(drop=True)

    def dimension_label(self, name: str) -> str:
        """Return a dimension's label; ``overall`` is the mean over dimensions."""
        return self.words("common.overall") if name == "overall" else self.dimensions.get(name, name)

    def factor_label(self, name: str) -> str:
        """Return a factor's label; ``all`` is everybody."""
        return self.words("common.everybody") if name == "all" else self.factor_labels.get(name, name)

    def level_label(self, name: str) -> str:
        """Return a group's label; ``all`` is everybody."""
        return self.words("common.everybody") if name == "all" else name

    def labelled(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with labels of dimensions, factors and groups in columns ``<name>_label``."""
        makers = {
            "dimension": self.dimension_label,
            "row": self.dimension_label,
            "column": self.dimension_label,
            "factor": self.factor_label,
            "factor_a": self.factor_label,
            "factor_b": self.factor_label,
            "level": self.level_label,
            "level_a": self.level_label,
            "level_b": self.level_label,
        }
        return table.assign(
            **{f"{c}_label": [make(str(v)) for v in table[c]] for c, make in makers.items() if c in table.columns}
        )

    def withheld_note(self, *tables: pd.DataFrame) -> str:
        """Return the sentence about rows that the guard kept back, empty where there are none."""
        n = sum(int(t.attrs.get("withheld", 0)) for t in tables)
        return self.words("privacy.withheld", n=self.words.count(n)) if n else ""


def _frozen(value: object) -> Hashable:
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else value
