"""Plot what the Polyak average does: a run's held-out loss and accuracy with and without it.

python examples/averaging.py runs/digits/checkpoint.pt --goal 0.97 --plot averaging.png
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from recipe import plots
from recipe.arguments import share
from recipe.errors import command
from recipe.logs import Metrics
from recipe.options import Parser


def draw(history: Sequence[Metrics], goal: float | None, path: Path) -> None:
    """Plot loss and accuracy of the weights and of their average over the steps."""
    figure, (loss, accuracy) = plots.panels(2)
    steps = [point["step"] for point in history]
    for axes, what in ((loss, "loss"), (accuracy, "accuracy")):
        for kind, colour in (("raw", plots.GREY), ("averaged", plots.BLUE)):
            values = [point[f"{kind} {what}"] for point in history]
            axes.plot(steps, values, color=colour, label=f"{kind}: {values[-1]:.4f} at the end")
        axes.set(title=f"held-out {what}", xlabel="step")
    loss.set_yscale("log")
    plots.goal(accuracy, goal)
    for axes in (loss, accuracy):
        axes.legend()
    accuracy.set_ylim(top=1.0)
    plots.write(figure, path)


def summary(history: Sequence[Metrics]) -> str:
    """Say how often the average was better, and by how much the losses jump from point to point."""
    better = sum(point["averaged loss"] < point["raw loss"] for point in history)
    lines = [f"the average has the lower loss at {better} of {len(history)} evaluations"]
    for kind in ("raw", "averaged"):
        values = [point[f"{kind} loss"] for point in history]
        half = values[len(values) // 2 :]
        rises = sum(max(0.0, after - before) for before, after in pairwise(half))
        lines.append(
            f"{kind}: best loss {min(values):.4f}, rises in the second half add up to {rises:.4f}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("checkpoint", type=Path, help="of a run of train.py")
    parser.add_argument("--goal", type=share, help="an accuracy at which a line is drawn")
    parser.add_argument("--plot", type=plots.target, default=Path("averaging.png"))
    arguments = parser.parse_args(argv)
    history = plots.history(arguments.checkpoint)
    draw(history, arguments.goal, arguments.plot)
    print(summary(history))


if __name__ == "__main__":
    command(main)
