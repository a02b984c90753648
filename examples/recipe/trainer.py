"""The training loop: one step, one evaluation, and how a run goes on where it stopped."""

from __future__ import annotations

import math
import signal
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recipe import checkpoint
from recipe.batch_norm import synchronise
from recipe.data import Data
from recipe.distributed import World, gathering, replicate, shard
from recipe.errors import UserError
from recipe.loading import NO_LABEL, held_out_loader, training_loader
from recipe.logs import Log, Metrics, Silent
from recipe.networks import Network, total_loss
from recipe.optimizing import clip, losses, mixed, optimizer, renew, schedule
from recipe.options import Recipe
from recipe.polyak import Average
from recipe.randomness import allow_tf32, seed_for
from recipe.stopping import Request, Stop, listening
from recipe.views import normalise

_RECORDED = {
    "step",
    "loss",
    "model",
    "state_dict",
    "optimizer",
    "history",
    "recipe",
    "classes",
    "images",
}
_ANEW = "start anew with another --out or --fresh"


class Trainer:
    """A network in training: its weights, their average, the optimizer, and the step it is at."""

    def __init__(self, recipe: Recipe, network: Network, data: Data, world: World) -> None:
        self.recipe, self.data, self.world, self.size = recipe, data, world, network.size
        if recipe.batch % (parts := world.share.size * recipe.accumulate):
            reason = "as many as there are processes times --accumulate"
            raise UserError(f"--batch {recipe.batch} has no {parts} equal parts, {reason}")
        self.model = network.model.to(world.device)
        if world.share.size > 1 and recipe.sync_bn:
            self.model = synchronise(self.model, world.device)
        self.average = Average(self.model, recipe.average)
        self.runner = self._spread()
        self.frozen = [module for module in self.model.modules() if _is_frozen(module)]
        self.optimizer = optimizer(self.model, recipe)
        self.schedule = schedule(self.optimizer, recipe, self.steps_per_epoch)
        self.held_out = held_out_loader(recipe, data, self.size, world.share)
        self.kept = checkpoint.Kept(Path(recipe.out), recipe.keep)
        self.request = Request()
        self.step, self.loss = 0, 0.0
        self.metrics: Metrics = {}
        self.history: list[Metrics] = []

    def _spread(self) -> nn.Module:
        """Compile and distribute the network; return what a training step calls."""
        allow_tf32(self.recipe.tf32)
        if self.recipe.compile:
            self.model.compile()
        if not self.world.is_distributed:
            return self.model
        if not self.recipe.fsdp:
            return replicate(self.model, self.world)
        for model in (self.model, self.average.module):
            shard(model, self.recipe.amp)
        return self.model

    @property
    def steps_per_epoch(self) -> int:
        return len(self.data.train.labels) // self.recipe.batch

    @property
    def last_step(self) -> int:
        return round(self.recipe.epochs * self.steps_per_epoch)

    def run(self) -> None:
        """Train from the step this is at to the last one."""
        recipe = self.recipe
        stop = min(self.last_step, recipe.stop_at or self.last_step)
        steps = range(self.step, stop)
        loader = training_loader(recipe, self.data, self.size, self.world.share, steps)
        try:
            with listening() as self.request, self._log() as log:
                self._look(log)
                for images, labels in loader:
                    metrics = self.train_step(images, labels)
                    log.step(self.step, recipe.batch, metrics)
                    self._add(metrics)
                    self._heed()
                    self._look(log)
        except Stop:
            self._leave()
        if self.step < self.last_step and recipe.stop_at:
            self.save()

    def _log(self) -> Silent:
        if not self.world.is_first:
            return Silent()
        return Log(self.recipe, self.step, self.last_step)

    @property
    def _seen(self) -> int:
        """The step of the last evaluation."""
        return int(self.history[-1]["step"]) if self.history else 0

    def _add(self, metrics: Metrics) -> None:
        """Take a step's metrics into their means since the last evaluation; a rate stays itself."""
        count = self.step - self._seen
        means = self.metrics if count > 1 else metrics
        added = {name: mean + (metrics[name] - mean) / count for name, mean in means.items()}
        self.metrics = added | {"lr": metrics["lr"]}

    def _heed(self) -> None:
        """Stop if any process was asked to."""
        if self.world.any(bool(self.request)):
            raise Stop

    def _leave(self) -> None:
        """Save, and end as the signal would have."""
        self.save()
        if self.world.is_first:
            print(f"stopped and saved at step {self.step}; the same command goes on from there")
        raise SystemExit(128 + (self.request.signal or signal.SIGTERM))

    def _look(self, log: Silent) -> None:
        """Evaluate and save, if it is time and not yet done."""
        if self.step == self._seen:
            return
        every = self.recipe.evaluate_every or self.steps_per_epoch
        is_time = self.step % every == 0 or self.step == self.last_step
        if is_time:
            found = self.evaluate()
            self.history.append({"step": self.step, **self.metrics, **found})
            log.evaluation(self.step, found)
        is_best = is_time and max(self.history, key=_merit) is self.history[-1]
        period = self.recipe.save_every
        if is_best or (self.step % period == 0 if period else is_time):
            self.save(is_best)

    def train_step(self, images: Tensor, labels: Tensor) -> Metrics:
        """Go one step, and return what was measured before it, over all processes."""
        metrics = self.backward(images, labels)
        if not math.isfinite(metrics["loss"]):
            raise UserError(self._advice(metrics["loss"]))
        metrics["lr"] = float(self.schedule.get_last_lr()[0])
        clip(self.model, self.recipe)
        self.optimizer.step()
        self.schedule.step()
        self.world.agree(buffer for buffer in self.model.buffers() if buffer.is_floating_point())
        self.average.update(self.model)
        self.loss += (metrics["loss"] - self.loss) * (0.1 if self.step else 1.0)
        self.step += 1
        return metrics

    def _advice(self, loss: float) -> str:
        """Say from where a run can go on whose loss is no number any more."""
        found = f"the loss is {loss} at step {self.step}, and no rate rescues such weights"
        calm = self.kept.calm()
        if calm is None:
            return f"{found}: start anew (--fresh) with a lower --lr or --scale"
        path, step = calm
        move = "" if path == self.kept.newest else f"`mv {path} {self.kept.newest}`, then "
        return f"{found}: {move}the same command with a lower --lr goes on from step {step}"

    def backward(self, images: Tensor, labels: Tensor) -> Metrics:
        """Compute the gradients of a batch; return its losses and accuracy."""
        self.runner.train()
        for module in self.frozen:
            module.eval()
        self.optimizer.zero_grad()
        count = self.recipe.accumulate
        parts = [
            self._backward_of(part, images[part::count], labels[part::count])
            for part in range(count)
        ]
        means = torch.stack(parts).sum(0) / (count * self.world.share.size)
        accuracy, main, *heads = self.world.sum(means).tolist()
        return {"loss": main, "accuracy": accuracy} | {
            f"loss.head{i}": value for i, value in enumerate(heads, 1)
        }

    def _backward_of(self, part: int, images: Tensor, labels: Tensor) -> Tensor:
        """Add the gradients of a part of a batch; return its accuracy and its outputs' losses.

        What is random depends on the part alone: that of one process of two is the same as one of
        two parts of one process.
        """
        recipe, share = self.recipe, self.world.share
        place = self.step, share.rank + share.size * part
        torch.manual_seed(seed_for(recipe.seed, "step", *place))
        images, labels = self._placed(images, labels)
        images, targets = mixed(images, labels, recipe, seed_for(recipe.seed, "mixup", *place))
        with gathering(self.runner, part == recipe.accumulate - 1):
            with self._precision():
                outputs = self.runner(images)
                parts = losses(outputs, targets, recipe.label_smoothing)
                loss = total_loss(self.model, parts)
            torch.autograd.backward(loss / recipe.accumulate)
        logits = outputs if isinstance(outputs, Tensor) else outputs[0]
        right = (logits.argmax(1) == labels).float().mean()
        return torch.stack([right, *parts]).detach()

    def _placed(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Bring a loader's images and labels to the device, and its bytes to floats there."""
        images = images.to(self.world.device, non_blocking=True)
        return normalise(images, self.recipe), labels.to(self.world.device, non_blocking=True)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.recipe.amp)

    @torch.no_grad()
    def evaluate(self) -> Metrics:
        """Return loss and accuracy on held-out images, with the weights and with their average."""
        models = {"raw": self.model.eval(), "averaged": self.average.module}
        zeros = torch.zeros(3, dtype=torch.float64, device=self.world.device)
        totals = {name: zeros.clone() for name in models}
        for images, labels in self.held_out:
            self._heed()
            placed = self._placed(images, labels)
            for name, model in models.items():
                totals[name] += self._score(model, *placed)
        found: Metrics = {}
        for name, total in totals.items():
            loss, right, count = self.world.sum(total).tolist()
            found |= {f"{name} loss": loss / count, f"{name} accuracy": right / count}
        return found

    def _score(self, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of the losses, how many are right, and how many count."""
        with self._precision():
            logits = model(images)
        each = F.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction="none")
        right = (logits.argmax(1) == labels).sum()
        return torch.stack([each.double().sum(), right, (labels != NO_LABEL).sum()])

    def save(self, is_best: bool = False) -> None:
        """Write everything that the next step depends on; `state_dict` are the averaged weights."""
        state = {
            "step": self.step,
            "loss": self.loss,
            "metrics": self.metrics,
            "model": checkpoint.weights(self.model),
            "state_dict": checkpoint.weights(self.average.module),
            "averaged_steps": self.average.steps,
            "optimizer": checkpoint.optimizer_state(self.model, self.optimizer),
            "history": self.history,
            "recipe": self.recipe.to_dict(),
            "classes": self.data.classes,
            "images": len(self.data.train.labels),
        }
        if self.world.is_first:
            self.kept.write(state, is_best)

    def resume(self) -> bool:
        """Go on from the run's checkpoint, if there is one."""
        if self.recipe.fresh or not self.kept.newest.exists():
            return False
        state = checkpoint.read(self.kept.newest)
        self._refuse_others(state)
        checkpoint.set_weights(self.model, state["model"])
        checkpoint.set_weights(self.average.module, state["state_dict"])
        checkpoint.set_optimizer_state(self.model, self.optimizer, state["optimizer"])
        self.average.steps = state["averaged_steps"]
        self.step, self.loss, self.metrics = state["step"], state["loss"], state["metrics"]
        self.history = state["history"]
        renew(self.optimizer, self.model, self.recipe)
        self.schedule = schedule(self.optimizer, self.recipe, self.steps_per_epoch, self.step)
        return True

    def _refuse_others(self, state: checkpoint.State) -> None:
        """Stop at the checkpoint of another network, or of other classes; tell of new options."""
        if not state.keys() >= _RECORDED:
            raise UserError(f"{self.kept.newest} is no checkpoint of this trainer: {_ANEW}")
        for name, (old, new) in self.recipe.resumed(state["recipe"]).items():
            if self.world.is_first:
                print(f"going on with another --{name.replace('_', '-')}: {new}, until now {old}")
        own = {name: tensor.shape for name, tensor in self.model.state_dict().items()}
        if own != {name: tensor.shape for name, tensor in state["model"].items()}:
            raise UserError(f"{self.kept.newest} is of another network: {_ANEW}")
        if self.data.classes != state["classes"]:
            raise UserError(f"{self.kept.newest} is of other classes than the data's: {_ANEW}")
        if (count := len(self.data.train.labels)) != state["images"]:
            found = (
                f"{self.kept.newest} is of {state['images']:,} images, and the data have {count:,}"
            )
            raise UserError(f"{found}, which come in another order: {_ANEW}")


def _merit(point: Metrics) -> tuple[float, float]:
    """By what an evaluation is the best of a run."""
    return point["averaged accuracy"], -point["averaged loss"]


def _is_frozen(module: nn.Module) -> bool:
    """Tell whether a layer has weights and none of them is trained; its statistics rest too."""
    own = list(module.parameters(recurse=False))
    return bool(own) and not any(weight.requires_grad for weight in own)
