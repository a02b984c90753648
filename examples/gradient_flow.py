"""Measure how much gradient reaches each block, at the start and later, with and without heads.

    python examples/gradient_flow.py --spec examples/googlenet_digits.yaml --set size=80 \\
        --steps 88 --seeds 3 --plot gradient_flow.png

Both runs of a seed have the same first weights, images, crops and dropout; without heads, these
weigh 0. What one seed shows may be chance: only what all show is told from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import train
from matplotlib.axes import Axes
from recipe import options, plots
from recipe.arguments import whole
from recipe.distributed import World, joined
from recipe.errors import UserError, command
from recipe.loading import training_loader
from recipe.options import Recipe
from recipe.trainer import Trainer
from torch import Tensor

Norms = dict[str, float]
BATCHES = 4  # a norm is that of the mean gradient of so many batches
WINDOW = 8  # steps over whose losses a mean is taken


@dataclass(frozen=True)
class Run:
    """The losses of a run's steps, and the gradients' norms by block at some of them."""

    losses: list[float]
    norms: dict[int, Norms]


@dataclass(frozen=True)
class Pair:
    """Two runs of a seed."""

    with_heads: Run
    without: Run

    def ratio(self, step: int, block: str) -> float:
        """Return by how much the heads enlarge the gradient of a block."""
        return self.with_heads.norms[step][block] / self.without.norms[step][block]


def measure(recipe: Recipe, steps: int, world: World) -> Pair:
    """Train for some steps with heads and without."""
    silenced = recipe.model_copy(update={"set": (*recipe.set, "aux_weight=0.0")})
    return Pair(*(_measured(each, steps, world) for each in (recipe, silenced)))


def _measured(recipe: Recipe, steps: int, world: World) -> Run:
    """Take the gradients' norms before the first step, in the middle and after the last one."""
    run = Run([], {})
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
        print(f"seed {recipe.seed}, step {step + 1}: loss {run.losses[-1]:.3f}", flush=True)
    return run


def gradient_norms(trainer: Trainer, batches: Sequence[tuple[Tensor, Tensor]]) -> Norms:
    """Return the norm of the mean gradient of each block."""
    kept = [buffer.clone() for buffer in trainer.model.buffers()]
    sums: dict[str, Tensor] = {}
    for images, labels in batches:
        trainer.backward(images, labels)
        for name, weight in trainer.model.named_parameters():
            if weight.grad is not None:
                mean = weight.grad / len(batches)
                sums[name] = sums[name] + mean if name in sums else mean
    for buffer, before in zip(trainer.model.buffers(), kept, strict=True):
        buffer.copy_(before)  # the statistics of batch norm rest while it is measured
    norms: dict[str, float] = {}
    for name, gradient in sums.items():
        block = name.partition(".")[0]
        norms[block] = norms.get(block, 0.0) + float(gradient.square().sum())
    return {block: square**0.5 for block, square in norms.items()}


def blocks(pairs: Sequence[Pair]) -> list[str]:
    """Return the blocks beside the heads: those that have a gradient where the heads weigh 0."""
    runs = [norms for pair in pairs for norms in pair.without.norms.values()]
    return [block for block in runs[0] if all(norms[block] > 0 for norms in runs)]


def draw(pairs: Sequence[Pair], path: Path) -> None:
    """Plot the norms by block, one panel for each moment, and the losses: medians and ranges."""
    shown, moments = blocks(pairs), list(pairs[0].without.norms)
    figure, axes = plots.panels(len(moments) + 1, width=3.6, height=3.6)
    for label, colour, runs in _kinds(pairs):
        for panel, step in zip(axes, moments, strict=False):
            norms = [[run.norms[step][block] for block in shown] for run in runs]
            _band(panel, shown, norms, colour, label)
        _band(axes[-1], None, [_smooth(run.losses) for run in runs], colour, label)
    for panel, step in zip(axes, moments, strict=False):
        panel.set(title=f"step {step}", yscale="log", ylim=_limits(pairs, shown))
        panel.tick_params(axis="x", rotation=90)
    axes[0].set_ylabel("norm of the gradient")
    axes[0].legend()
    axes[-1].set(title="training loss (without the heads')", xlabel="step")
    plots.write(figure, path)


def _kinds(pairs: Sequence[Pair]) -> tuple[tuple[str, str, list[Run]], ...]:
    return (
        ("with heads", plots.BLUE, [pair.with_heads for pair in pairs]),
        ("without", plots.ORANGE, [pair.without for pair in pairs]),
    )


def _band(
    panel: Axes, names: list[str] | None, runs: list[list[float]], colour: str, label: str
) -> None:
    """Plot values over names or steps: the runs' median, and from the lowest to the highest."""
    places = list(range(len(runs[0])))
    points = list(zip(*runs, strict=True))
    panel.plot(places, [median(point) for point in points], color=colour, label=label)
    lows, highs = [min(point) for point in points], [max(point) for point in points]
    panel.fill_between(places, lows, highs, color=colour, alpha=0.2, linewidth=0)
    if names:
        panel.set_xticks(places, names)


def _limits(pairs: Sequence[Pair], shown: Sequence[str]) -> tuple[float, float]:
    runs = [run for pair in pairs for run in (pair.with_heads, pair.without)]
    found = [norms[block] for run in runs for norms in run.norms.values() for block in shown]
    return min(found) / 1.5, max(found) * 1.5


def _smooth(values: Sequence[float]) -> list[float]:
    parts = [values[max(0, i - WINDOW + 1) : i + 1] for i in range(len(values))]
    return [sum(part) / len(part) for part in parts]


def table(pairs: Sequence[Pair]) -> str:
    """List by how much heads enlarge each block's gradient over the seeds, and where all agree."""
    lines = []
    for step in pairs[0].without.norms:
        lines.append(f"step {step}: gradient with heads / without: lowest, median, highest seed")
        for block in blocks(pairs):
            ratios = [pair.ratio(step, block) for pair in pairs]
            numbers = "".join(
                f" {value:8.2f}" for value in (min(ratios), median(ratios), max(ratios))
            )
            lines.append(f"  {block:14}{numbers}  {_agreement(ratios)}".rstrip())
    lines.append(f"mean loss of the last {WINDOW} steps: lowest, median, highest seed")
    for label, _, runs in _kinds(pairs):
        last = [_smooth(run.losses)[-1] for run in runs]
        lines.append(f"  {label:14} {min(last):8.3f} {median(last):8.3f} {max(last):8.3f}")
    return "\n".join(lines)


def _agreement(ratios: Sequence[float]) -> str:
    """Say what all seeds agree on; a hundredth is rounding."""
    if min(ratios) > 1.01:
        return "larger with heads"
    return "smaller with heads" if max(ratios) < 0.99 else ""


def main(argv: Sequence[str] | None = None) -> None:
    parser = options.parser(str(__doc__).partition("\n")[0], lr=0.001)
    parser.add_argument("--steps", type=whole(1), default=88, help="steps to train")
    parser.add_argument(
        "--seeds", type=whole(1), default=3, help="runs of each kind, from --seed on"
    )
    parser.add_argument("--plot", type=plots.target, default=Path("gradient_flow.png"))
    arguments = parser.parse_args(argv)
    recipe = options.recipe_of(arguments)
    with joined() as world:
        if world.is_distributed:
            raise UserError("gradients are measured in one process: start it without torchrun")
        pairs = [
            measure(recipe.model_copy(update={"seed": recipe.seed + i}), arguments.steps, world)
            for i in range(arguments.seeds)
        ]
    draw(pairs, arguments.plot)
    print(table(pairs))


if __name__ == "__main__":
    command(main)
