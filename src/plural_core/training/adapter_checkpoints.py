"""Checkpoints of a trainer that tunes an adapter: whole or not there, the last one only, and no more than is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import Trainer

from plural_core.training.checkpoints import explained_writing, keep_only, whole_folder
from plural_core.training.lora import save_adapter


class AdapterCheckpoints:
    """What a trainer of TRL needs in front of it: ``class MyTrainer(AdapterCheckpoints, GRPOTrainer)``."""

    args: Any
    state: Any
    control: Any
    model: Any
    _staging: Path | None = None

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint whole or not at all; after the last update the adapter itself follows."""
        if self.state.global_step >= self.state.max_steps or self.control.should_training_stop:
            return
        name = f"checkpoint-{self.state.global_step}"
        target = Path(self.args.output_dir) / name
        with whole_folder(target) as part:
            self._staging = part
            # Not TRL's, which adds a model card to every checkpoint.
            Trainer._save_checkpoint(self, model, trial)  # type: ignore[arg-type]  # mixed into a Trainer
            written = part / name
            for path in list(written.iterdir()):
                path.replace(part / path.name)
            written.rmdir()
        keep_only(target)

    def _get_output_dir(self, trial: Any) -> str:
        """Return where transformers shall write: the folder that becomes the checkpoint once it is whole."""
        return str(self._staging or self.args.output_dir)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the adapter, and nothing else, into a checkpoint."""
        folder = Path(output_dir or self.args.output_dir)
        with explained_writing(folder):
            save_adapter(self.model, folder)

    def _send_telemetry(self) -> None:
        """Tell nobody."""
