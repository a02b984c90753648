"""How fast a run could go if only its loader, or only its model, took time."""

from __future__ import annotations

from statistics import median

from tqdm import tqdm

_WARMING, _MEASURED = 2, 8  # steps


class Pace:
    """Measures the first steps of a run, then says which of the two holds up the other.

    Loading is timed where it happens, so that it takes no step more and no image twice.
    """

    def __init__(self, workers: int, processes: int) -> None:
        self.workers, self.processes = workers, processes
        self.loading: list[float] = []
        self.training: list[float] = []

    def add(self, images: int, loading: float, training: float) -> None:
        """Take down a batch: the seconds that one worker, then the model, spent on it."""
        if len(self.loading) == _WARMING + _MEASURED:
            return
        self.loading.append(loading / images / max(1, self.workers))
        self.training.append(training / images)
        if len(self.loading) == _WARMING + _MEASURED:
            tqdm.write(self._line())

    def _line(self) -> str:
        loader, model = (1 / median(each[_WARMING:]) for each in (self.loading, self.training))
        who = f"{self.workers} workers" if self.workers else "without --workers"
        each = f" in each of {self.processes} processes" if self.processes > 1 else ""
        bound = (
            "loader is the bound, --workers adds to it" if loader < model else "model is the bound"
        )
        return (
            f"loader {loader:,.0f} images/s ({who}), model {model:,.0f} images/s{each}: the {bound}"
        )
