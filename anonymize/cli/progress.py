"""What a long command shows on a terminal while it works: the stage, how far it is, its rate and the time left.

Nothing of it reaches a pipe or a log file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from anonymize.stages import Stage, Watch

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

BEAT_SECONDS = 0.2


@contextmanager
def shown() -> Iterator[Watch]:
    """A display on standard error that follows the stages told to it, and is gone when they are done."""
    with _Display() as display:
        yield display.follow


class _Display:
    """One line a stage; a thread of its own asks the running stage how far it is."""

    def __init__(self) -> None:
        self._progress = _progress()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._lock = threading.Lock()
        self._current: tuple[Stage, TaskID, float] | None = None

    def follow(self, stage: Stage) -> None:
        with self._lock:
            self._finish()
            task = self._progress.add_task(stage.name, total=None, speed="")
            self._current = (stage, task, time.monotonic())

    def __enter__(self) -> Self:
        self._progress.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            self._finish()
        self._progress.stop()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            with self._lock:
                self._look()

    def _look(self) -> None:
        if self._current is None:
            return
        stage, task, since = self._current
        if share := stage.share():
            # A stage of several queries may report less than before; a bar that goes back is no help.
            reached = max(share, self._progress.tasks[task].completed)
            self._progress.update(task, total=1.0, completed=reached, speed=_speed(stage, reached, since))

    def _finish(self) -> None:
        if self._current is not None:
            stage, task, since = self._current
            self._progress.update(task, total=1.0, completed=1.0, speed=_speed(stage, 1.0, since))
            self._current = None


def _speed(stage: Stage, share: float, since: float) -> str:
    if stage.rows is None:
        return ""
    return f"{stage.rows * share / max(time.monotonic() - since, 1e-3):,.0f} rows/s"


def _progress() -> Progress:
    # Half a tenth of a second to import: only where somebody sees it.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
