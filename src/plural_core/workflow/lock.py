"""One run per study at a time: a lock that the system drops when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from plural_core.errors import WorkflowError
from plural_core.study import Study


@contextlib.contextmanager
def study_lock(study: Study) -> Iterator[int]:
    """Hold the study's lock; yields its file descriptor, to be handed to child processes.

    Raises
    ------
    WorkflowError
        Another run of the same study is under way, or its folder cannot be written.
    """
    path = study.root / ".lock"
    try:
        study.root.mkdir(parents=True, exist_ok=True)
        stream = path.open("w")
    except OSError as error:
        raise WorkflowError(
            f"{study.root}: cannot be written ({error.strerror}); choose another folder with --set results=FOLDER"
        ) from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WorkflowError(
                f"{study.root}: another run of this study is under way (plural status shows it); wait for it"
            ) from None
        yield stream.fileno()
