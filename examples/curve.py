"""Plot how a run of train.py learned.

python examples/curve.py runs/digits/checkpoint.pt --plot digits.png
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from recipe import checkpoint, plots
from recipe.logs import Metrics


def draw(history: Sequence[Metrics], path: Path) -> None:
    """Plot the training batches' losses, head by head, and the held-out accuracy."""
    figure, (loss, accuracy) = plots.panels(2)
    steps = [point["step"] for point in history]
    for name, colour in (
        ("loss", plots.BLUE),
        ("loss.head1", plots.ORANGE),
        ("loss.head2", plots.GREY),
    ):
        if name in history[0]:
            label = "network" if name == "loss" else f"auxiliary head {name[-1]}"
            loss.plot(steps, [point[name] for point in history], color=colour, label=label)
    loss.set(title="loss of a training batch", xlabel="step")
    loss.legend()
    for kind, colour in (("raw", plots.GREY), ("averaged", plots.BLUE)):
        values = [point[f"{kind} accuracy"] for point in history]
        accuracy.plot(steps, values, color=colour, label=f"{kind}: {values[-1]:.1%} at the end")
    accuracy.axhline(0.97, color=plots.ORANGE, linewidth=0.8, linestyle="--", label="97 %")
    accuracy.set(title="held-out accuracy", xlabel="step", ylim=(0, 1.01))
    accuracy.legend(loc="lower right")
    plots.write(figure, path)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("checkpoint", type=Path, help="of a run of train.py")
    parser.add_argument("--plot", type=Path, default=Path("curve.png"))
    arguments = parser.parse_args(argv)
    state = checkpoint.read(arguments.checkpoint)
    draw(state["history"], arguments.plot)
    print(", ".join(f"{name} {value:.4f}" for name, value in state["history"][-1].items()))


if __name__ == "__main__":
    main()
