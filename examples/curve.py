"""Plot how a run of train.py learned.

python examples/curve.py runs/digits/checkpoint.pt --goal 0.97 --plot digits.png
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recipe import plots
from recipe.arguments import share
from recipe.errors import command
from recipe.logs import Metrics
from recipe.options import Parser

_LOSSES = {"loss": plots.BLUE, "loss.head1": plots.ORANGE, "loss.head2": plots.GREY}


def draw(history: Sequence[Metrics], goal: float | None, path: Path) -> None:
    """Plot the training loss, head by head, and the held-out accuracy."""
    figure, (loss, accuracy) = plots.panels(2)
    steps = [point["step"] for point in history]
    for name, colour in _LOSSES.items():
        if name in history[0]:
            label = "network" if name == "loss" else f"auxiliary head {name[-1]}"
            loss.plot(steps, [point[name] for point in history], color=colour, label=label)
    loss.set(title="training loss, mean since the point before", xlabel="step")
    loss.legend()
    for kind, colour in (("raw", plots.GREY), ("averaged", plots.BLUE)):
        values = [point[f"{kind} accuracy"] for point in history]
        accuracy.plot(steps, values, color=colour, label=f"{kind}: {values[-1]:.1%} at the end")
    plots.goal(accuracy, goal)
    accuracy.set(title="held-out accuracy", xlabel="step", ylim=(0, 1.01))
    accuracy.legend(loc="lower right")
    plots.write(figure, path)


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("checkpoint", type=Path, help="of a run of train.py")
    parser.add_argument("--goal", type=share, help="an accuracy at which a line is drawn")
    parser.add_argument("--plot", type=plots.target, default=Path("curve.png"))
    arguments = parser.parse_args(argv)
    history = plots.history(arguments.checkpoint)
    draw(history, arguments.goal, arguments.plot)
    print(", ".join(f"{name} {value:.4f}" for name, value in history[-1].items()))


if __name__ == "__main__":
    command(main)
