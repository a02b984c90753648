"""Networks whose probabilities are averaged, over crops and with each other's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from recipe.crops import CROPS, Crop, union
from recipe.errors import UserError
from recipe.networks import Network
from recipe.tally import Row
from recipe.trained import Record
from recipe.views import normalise


@dataclass(frozen=True)
class Member:
    """A trained network on the device, and how it sees images."""

    record: Record
    network: Network

    @torch.inference_mode()
    def softmax(self, looks: Tensor, batch: int) -> Tensor:
        """Return the probabilities, (N, classes), of uint8 looks (N, 3, height, width)."""
        recipe, parts = self.record.recipe, []
        for part in torch.split(looks, batch):
            with torch.autocast(part.device.type, torch.bfloat16, enabled=recipe.amp):
                parts.append(self.network.model(normalise(part, recipe)))
        found = torch.cat(parts).float().softmax(1)
        if not found.isfinite().all():
            raise UserError(f"{self.record.path} computes no numbers: its weights have exploded")
        return found


@dataclass(frozen=True)
class Ensemble:
    """Some networks, and the sets of crops over which each is averaged."""

    members: Sequence[Member]
    sets: Sequence[int]

    @cached_property
    def crops(self) -> list[Crop]:
        """The crops of all sets, each once."""
        return union(self.sets)

    def rows(self) -> list[Row]:
        """Return the rows of the table: each network with each set of crops, then all of them."""
        teams = [(str(each.record.path), [each]) for each in self.members]
        if len(self.members) > 1:
            teams.append((f"all {len(self.members)}", [*self.members]))
        return [_row(name, team, crops) for name, team in teams for crops in self.sets]

    def probabilities(self, looks: Tensor, batch: int) -> Tensor:
        """Return what each row gives, (rows, images, classes).

        The looks are uint8 (images, crops, 3, height, width), in the order of `self.crops`; a
        network sees at most `batch` of them at once.
        """
        flat = looks.flatten(0, 1)
        found = torch.stack([member.softmax(flat, batch) for member in self.members])
        found = found.view(len(found), *looks.shape[:2], -1)
        chosen = [[*map(self.crops.index, CROPS[count])] for count in self.sets]
        means = torch.stack([found[:, :, places].mean(2) for places in chosen], 1)
        if len(self.members) > 1:
            means = torch.cat([means, means.mean(0, keepdim=True)])
        return means.flatten(0, 1)


def _row(name: str, team: Sequence[Member], crops: int) -> Row:
    known = [each.network.macs for each in team if each.network.macs is not None]
    macs = crops * sum(known) if len(known) == len(team) else None
    return Row(networks=name, crops=crops, cost=crops * len(team), macs=macs)


def right(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Count in how many images the label is the likeliest, and among the five: (rows, 2)."""
    likeliest = probabilities.topk(min(5, probabilities.shape[-1])).indices
    hits = likeliest == labels[:, None]
    return torch.stack([hits[..., 0].sum(1), hits.any(-1).sum(1)], 1)
