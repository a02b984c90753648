"""What a run shows: a progress line, and its metrics in TensorBoard's files, CSV and MLflow."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from recipe.errors import UserError
from recipe.options import Recipe

Metrics = dict[str, float]


class Silent:
    """The log of a process that is not the first."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None: ...

    def step(self, step: int, images: int, metrics: Metrics) -> None: ...

    def evaluation(self, step: int, metrics: Metrics) -> None: ...


class Log(Silent):
    """A line with loss, accuracy, images per second and the time left, and what is written."""

    def __init__(self, recipe: Recipe, step: int, last_step: int) -> None:
        self.sinks = open_sinks(recipe, step)
        self.bar = tqdm(
            total=last_step * recipe.batch,
            initial=step * recipe.batch,
            unit="img",
            smoothing=0.1,
            mininterval=0.2 if sys.stderr.isatty() else 30.0,
        )
        self.shown: dict[str, str] = {}

    def __enter__(self) -> Log:
        return self

    def __exit__(self, kind: object = None, *_: object) -> None:
        self.bar.close()
        for sink in self.sinks:
            sink.close(kind is not None)

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
        for sink in self.sinks:
            sink.write(step, {f"{group}/{name}": value for name, value in metrics.items()})


class Sink(Protocol):
    """Where metrics go."""

    def write(self, step: int, metrics: Metrics) -> None: ...

    def close(self, has_failed: bool) -> None: ...


def open_sinks(recipe: Recipe, step: int) -> list[Sink]:
    """Open what a recipe asks for; what an interrupted run wrote after `step` is dropped."""
    out = Path(recipe.out)
    out.mkdir(parents=True, exist_ok=True)
    found: list[Sink] = []
    if board := _board(out / "tensorboard", step):
        found.append(board)
    if recipe.csv:
        found.append(Table(out / "metrics.csv", step))
    if recipe.mlflow:
        found.append(Tracked(recipe, out / "mlflow-run", step))
    return found


class Board:
    """TensorBoard's files."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def write(self, step: int, metrics: Metrics) -> None:
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, step)

    def close(self, has_failed: bool) -> None:
        self.writer.close()


def _board(directory: Path, step: int) -> Board | None:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        tqdm.write("no TensorBoard logs: `pip install tensorboard` turns them on")
        return None
    return Board(SummaryWriter(str(directory), purge_step=step + 1 if step else None))


class Table:
    """A CSV file with a row for each metric of a step."""

    def __init__(self, path: Path, step: int) -> None:
        is_new = not (step and path.exists())
        if not is_new:
            _cut(path, step)
        self.file = path.open("w" if is_new else "a", newline="", buffering=1)
        self.rows = csv.writer(self.file, lineterminator="\n")
        if is_new:
            self.rows.writerow(("step", "metric", "value"))

    def write(self, step: int, metrics: Metrics) -> None:
        self.rows.writerows((step, name, value) for name, value in metrics.items())

    def close(self, has_failed: bool) -> None:
        self.file.close()


def _cut(path: Path, step: int) -> None:
    """Cut off what a run wrote after a step, and a row that it did not finish."""
    with path.open("r+b") as file:
        place = len(file.readline())
        for line in file:
            if not line.endswith(b"\n") or int(line.partition(b",")[0]) > step:
                break
            place += len(line)
        file.truncate(place)


class Tracked:
    """A run of MLflow, on the server that MLFLOW_TRACKING_URI names; it goes on with ours."""

    def __init__(self, recipe: Recipe, note: Path, step: int) -> None:
        try:
            import mlflow  # type: ignore[import-not-found]  # not among what is installed
        except ImportError:
            raise UserError("--mlflow needs a package: pip install mlflow") from None
        self.mlflow: Any = mlflow
        known = note.read_text() if step and note.exists() else None
        try:
            mlflow.set_experiment(recipe.mlflow)
            run = mlflow.start_run(run_id=known, run_name=None if known else recipe.out)
            if not known:
                mlflow.log_params(recipe.to_dict())
        except mlflow.exceptions.MlflowException as error:
            raise UserError(f"--mlflow {recipe.mlflow}: {error}") from None
        note.write_text(run.info.run_id)

    def write(self, step: int, metrics: Metrics) -> None:
        self.mlflow.log_metrics(metrics, step=step, synchronous=False)

    def close(self, has_failed: bool) -> None:
        self.mlflow.end_run("FAILED" if has_failed else "FINISHED")
