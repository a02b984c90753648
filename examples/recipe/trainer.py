"""The training loop: one step, one evaluation, and how a run goes on where it stopped."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from recipe import checkpoint
from recipe.data import Data
from recipe.distributed import World, replicate, shard
from recipe.loading import NO_LABEL, held_out_loader, training_loader
from recipe.logs import Log, Metrics, Silent
from recipe.networks import Network, losses, total_loss
from recipe.options import Recipe
from recipe.polyak import averaged
from recipe.randomness import seed_for
from recipe.views import normalise


class Trainer:
    """A network in training: its weights, their average, the optimizer, and the step it is at."""

    def __init__(self, recipe: Recipe, network: Network, data: Data, world: World) -> None:
        self.recipe, self.data, self.world, self.size = recipe, data, world, network.size
        self.model = network.model.to(world.device)
        self.average = averaged(self.model, recipe.average).eval()
        self.runner = self._spread()
        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.frozen = [module for module in self.model.modules() if _is_frozen(module)]
        self.optimizer = SGD(
            trained, recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
        self.schedule = LambdaLR(self.optimizer, self._rate)
        self.held_out = held_out_loader(recipe, data, self.size, world.share)
        self.step = 0
        self.history: list[Metrics] = []

    def _spread(self) -> nn.Module:
        """Compile and distribute the network; return what a training step calls."""
        if self.recipe.compile:
            self.model.compile()
        if not self.world.is_distributed:
            return self.model
        if not self.recipe.fsdp:
            return replicate(self.model, self.world)
        shard(self.model)
        shard(self.average.module)
        return self.model

    @property
    def steps_per_epoch(self) -> int:
        return len(self.data.train.labels) // self.recipe.batch

    @property
    def last_step(self) -> int:
        return round(self.recipe.epochs * self.steps_per_epoch)

    @property
    def path(self) -> Path:
        return Path(self.recipe.out) / "checkpoint.pt"

    def _rate(self, step: int) -> float:
        """The learning rate at a step, as a factor: 4 % down every 8 epochs."""
        period = round(self.recipe.decay_epochs * self.steps_per_epoch)
        warm = min(1.0, (step + 1) / max(1, self.recipe.warmup))
        return warm * self.recipe.decay ** (step // max(1, period))

    def run(self) -> None:
        """Train from the step this is at to the last one."""
        recipe = self.recipe
        stop = min(self.last_step, recipe.stop_at or self.last_step)
        steps = range(self.step, stop)
        loader = training_loader(recipe, self.data, self.size, self.world.share, steps)
        with self._log() as log:
            for images, labels in loader:
                metrics = self.train_step(images, labels)
                log.step(self.step, recipe.batch, metrics)
                self._look(log, metrics)
            if self.step < self.last_step and recipe.stop_at:
                self.save()

    def _log(self) -> Silent:
        if not self.world.is_first:
            return Silent()
        return Log(self.recipe, self.step, self.last_step)

    def _look(self, log: Silent, metrics: Metrics) -> None:
        """Evaluate and save, if it is time."""
        every = self.recipe.evaluate_every or self.steps_per_epoch
        is_time = self.step % every == 0 or self.step == self.last_step
        if is_time:
            found = self.evaluate()
            self.history.append({"step": self.step, **metrics, **found})
            log.evaluation(self.step, found)
        period = self.recipe.save_every
        if self.step % period == 0 if period else is_time:
            self.save()

    def train_step(self, images: Tensor, labels: Tensor) -> Metrics:
        """Go one step, and return what was measured before it, over all processes."""
        metrics = self.backward(images, labels)
        if not math.isfinite(metrics["loss"]):
            raise SystemExit(
                f"the loss is {metrics['loss']} at step {self.step}: lower --lr or --scale"
            )
        metrics["lr"] = float(self.schedule.get_last_lr()[0])
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.model)
        self.step += 1
        return metrics

    def backward(self, images: Tensor, labels: Tensor) -> Metrics:
        """Compute the gradients of a batch; return its losses and accuracy."""
        device = self.world.device
        images, labels = self._placed(images, labels)
        self.runner.train()
        for module in self.frozen:
            module.eval()
        self.optimizer.zero_grad()
        torch.manual_seed(seed_for(self.recipe.seed, "step", self.step, self.world.share.rank))
        with torch.autocast(device.type, torch.bfloat16, enabled=self.recipe.amp):
            outputs = self.runner(images)
            parts = losses(outputs, labels)
            loss = total_loss(self.model, parts)
        loss.backward()
        logits = outputs if isinstance(outputs, Tensor) else outputs[0]
        right = (logits.argmax(1) == labels).float().mean()
        values = torch.stack([right, *parts]).detach() / self.world.share.size
        accuracy, main, *heads = self.world.sum(values).tolist()
        return {"loss": main, "accuracy": accuracy} | {
            f"loss.head{i}": value for i, value in enumerate(heads, 1)
        }

    def _placed(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Bring a loader's images and labels to the device, and its bytes to floats there."""
        images = images.to(self.world.device, non_blocking=True)
        return normalise(images, self.recipe), labels.to(self.world.device, non_blocking=True)

    @torch.no_grad()
    def evaluate(self) -> Metrics:
        """Return loss and accuracy on held-out images, with the weights and with their average."""
        models = {"raw": self.model.eval(), "averaged": self.average.module.eval()}
        zeros = torch.zeros(3, dtype=torch.float64, device=self.world.device)
        totals = {name: zeros.clone() for name in models}
        for images, labels in self.held_out:
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
        with torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.recipe.amp):
            logits = model(images)
        loss = F.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction="sum")
        right = (logits.argmax(1) == labels).sum()
        return torch.stack([loss, right, (labels != NO_LABEL).sum()])

    def save(self) -> None:
        """Write everything that the next step depends on; `state_dict` are the averaged weights."""
        state = {
            "step": self.step,
            "model": checkpoint.weights(self.model),
            "state_dict": checkpoint.weights(self.average.module),
            "averaged_steps": int(self.average.n_averaged),
            "optimizer": checkpoint.optimizer_state(self.model, self.optimizer),
            "schedule": self.schedule.state_dict(),
            "history": self.history,
            "recipe": self.recipe.to_dict(),
            "classes": self.data.classes,
        }
        if self.world.is_first:
            checkpoint.write(self.path, state)

    def resume(self) -> bool:
        """Go on from the run's checkpoint, if there is one."""
        if self.recipe.fresh or not self.path.exists():
            return False
        state = checkpoint.read(self.path)
        checkpoint.set_weights(self.model, state["model"])
        checkpoint.set_weights(self.average.module, state["state_dict"])
        checkpoint.set_optimizer_state(self.model, self.optimizer, state["optimizer"])
        self.average.n_averaged.fill_(state["averaged_steps"])
        self.schedule.load_state_dict(state["schedule"])
        self.step, self.history = state["step"], state["history"]
        return True


def _is_frozen(module: nn.Module) -> bool:
    """Tell whether a layer has weights and none of them is trained; its statistics rest too."""
    own = list(module.parameters(recurse=False))
    return bool(own) and not any(weight.requires_grad for weight in own)
