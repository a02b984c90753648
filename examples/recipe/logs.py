"""What a run shows: a progress line, TensorBoard's curves, and a history for plots."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

Metrics = dict[str, float]


class Silent:
    """The log of a process that is not the first."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None: ...

    def step(self, step: int, images: int, metrics: Metrics) -> None: ...

    def evaluation(self, step: int, metrics: Metrics) -> None: ...


class Log(Silent):
    """A line with loss, accuracy, images per second and the time left, and TensorBoard's files."""

    def __init__(self, out: Path, done: int, total: int, step: int) -> None:
        pause = 0.2 if sys.stderr.isatty() else 30.0
        self.bar = tqdm(total=total, initial=done, unit="img", smoothing=0.1, mininterval=pause)
        self.board = _board(out / "tensorboard", step)
        self.shown: dict[str, str] = {}

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        if self.board is not None:
            self.board.close()

    def step(self, step: int, images: int, metrics: Metrics) -> None:
        self.shown |= {name: f"{value:.3g}" for name, value in metrics.items() if "." not in name}
        self.bar.set_postfix(self.shown, refresh=False)
        self.bar.update(images)
        self._write("train", step, metrics)

    def evaluation(self, step: int, metrics: Metrics) -> None:
        text = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        self.bar.write(f"step {step}: {text}")
        self._write("held-out", step, metrics)

    def _write(self, group: str, step: int, metrics: Metrics) -> None:
        if self.board is not None:
            for name, value in metrics.items():
                self.board.add_scalar(f"{group}/{name}", value, step)


def _board(directory: Path, step: int) -> Any:
    """Open TensorBoard's log; what an interrupted run logged after `step` is hidden."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        tqdm.write("no TensorBoard logs: `pip install tensorboard` turns them on")
        return None
    return SummaryWriter(str(directory), purge_step=step + 1 if step else None)
