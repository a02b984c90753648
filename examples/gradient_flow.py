"""Measure how much gradient reaches each block, at the start and later, with and without heads.

    python examples/gradient_flow.py --spec examples/googlenet_digits.yaml --set size=80 \\
        --steps 88 --plot gradient_flow.png

Both runs have the same first weights, images, crops and dropout; without heads, these weigh 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import train
from recipe import options, plots
from recipe.distributed import joined
from recipe.loading import training_loader
from recipe.options import Recipe
from recipe.trainer import Trainer
from torch import Tensor

Norms = dict[str, float]
BATCHES = 4  # a norm is that of the mean gradient of so many batches


@dataclass(frozen=True)
class Run:
    """The losses of a run's steps, and the gradients' norms by block at some of them."""

    losses: list[float]
    norms: dict[int, Norms]


def measure(recipe: Recipe, steps: int) -> Run:
    """Train for some steps; take the gradients' norms before the first, in the middle and after."""
    run = Run([], {})
    with joined() as world:
        trainer = train.prepare(recipe, world)
        needed = range(steps + BATCHES)
        loader = training_loader(recipe, trainer.data, trainer.size, world.share, needed)
        probes = [batch for _, batch in zip(range(BATCHES), loader, strict=False)]
        for step, (images, labels) in enumerate(loader):
            if step in (0, steps // 2, steps):
                run.norms[step] = gradient_norms(trainer, probes)
            if step == steps:
                break
            run.losses.append(trainer.train_step(images, labels)["loss"])
            print(f"step {step + 1}: loss {run.losses[-1]:.3f}", flush=True)
    return run


def gradient_norms(trainer: Trainer, batches: Sequence[tuple[Tensor, Tensor]]) -> Norms:
    """Return the norm of the mean gradient of each block, without the heads."""
    sums: dict[str, Tensor] = {}
    for images, labels in batches:
        trainer.backward(images, labels)
        for name, weight in trainer.model.named_parameters():
            if weight.grad is not None:
                sums[name] = sums.get(name, torch.zeros(())) + weight.grad / len(batches)
    norms: dict[str, float] = {}
    for name, gradient in sums.items():
        block = name.partition(".")[0]
        if not block.startswith("aux"):
            norms[block] = norms.get(block, 0.0) + float(gradient.square().sum())
    return {block: square**0.5 for block, square in norms.items()}


def draw(with_heads: Run, without: Run, path: Path) -> None:
    """Plot the norms by block, one panel for each moment, and the two losses."""
    moments = list(with_heads.norms)
    figure, axes = plots.panels(len(moments) + 1, width=3.6, height=3.6)
    for panel, step in zip(axes, moments, strict=False):
        for run, label, colour in _both(with_heads, without):
            norms = run.norms[step]
            panel.plot(
                list(norms), list(norms.values()), "o-", color=colour, label=label, markersize=3
            )
        panel.set(title=f"step {step}", yscale="log")
        panel.tick_params(axis="x", rotation=90)
        panel.set_ylim(_limits(with_heads, without))
    axes[0].set_ylabel("norm of the gradient")
    axes[0].legend()
    for run, label, colour in _both(with_heads, without):
        axes[-1].plot(_smooth(run.losses), color=colour, label=label)
    axes[-1].set(title="training loss (without the heads')", xlabel="step")
    plots.write(figure, path)


def _both(with_heads: Run, without: Run) -> tuple[tuple[Run, str, str], ...]:
    return (with_heads, "with heads", plots.BLUE), (without, "without", plots.ORANGE)


def _limits(*runs: Run) -> tuple[float, float]:
    values = [value for run in runs for norms in run.norms.values() for value in norms.values()]
    return min(values) / 1.5, max(values) * 1.5


def _smooth(values: Sequence[float], window: int = 8) -> list[float]:
    parts = [values[max(0, i - window + 1) : i + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


def table(with_heads: Run, without: Run) -> str:
    """List each block's norm with heads, without, and their ratio."""
    lines = []
    for step, norms in with_heads.norms.items():
        lines.append(f"step {step}: gradient norm with heads, without, ratio")
        for block, value in norms.items():
            other = without.norms[step][block]
            lines.append(f"  {block:14} {value:9.3g} {other:9.3g} {value / max(other, 1e-30):7.2f}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = options.parser(str(__doc__).partition("\n")[0], lr=0.001)
    parser.add_argument("--steps", type=int, default=88, help="steps to train")
    parser.add_argument("--plot", type=Path, default=Path("gradient_flow.png"))
    arguments = parser.parse_args(argv)
    recipe = options.recipe_of(arguments)
    with_heads = measure(recipe, arguments.steps)
    silenced = recipe.model_copy(update={"set": (*recipe.set, "aux_weight=0.0")})
    without = measure(silenced, arguments.steps)
    draw(with_heads, without, arguments.plot)
    print(table(with_heads, without))


if __name__ == "__main__":
    main()
