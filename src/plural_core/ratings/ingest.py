"""The log of an adapter: everything that it dropped, recoded, merged or noticed, with counts."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

ACTIONS = ("read", "dropped", "recoded", "merged", "resolved", "noticed")


@dataclass
class IngestLog:
    """Entries in the order in which things happened."""

    entries: list[dict[str, object]] = field(default_factory=list)

    def add(self, action: str, what: str, n: int, of: int | None = None, note: str = "") -> None:
        """Add an entry.

        Parameters
        ----------
        action : {'read', 'dropped', 'recoded', 'merged', 'resolved', 'noticed'}
            What was done.
        what : str
            To what, in the plural: ``"rows"``, ``"ratings"``, ``"participants with two genders"``.
        n : int
            How many.
        of : int, optional
            Out of how many.
        note : str, optional
            Why, or what became of them, in one sentence.
        """
        if action not in ACTIONS:
            raise ValueError(f"unknown action '{action}'; known: {', '.join(ACTIONS)}")
        self.entries.append(
            {
                "order": len(self.entries) + 1,
                "action": action,
                "what": what,
                "n": int(n),
                "of": of,
                "note": note,
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the entries as the ``ingest`` table."""
        columns = ["order", "action", "what", "n", "of", "note"]
        frame = pd.DataFrame(self.entries, columns=columns)
        return frame.astype({"order": "int64", "n": "int64", "of": "Int64"})
