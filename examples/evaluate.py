"""Evaluate as the GoogLeNet paper's section 7 does: many crops of an image, several networks.

    python examples/evaluate.py runs/*/checkpoint.pt --crops 1 10 144 --data /data/ilsvrc2012
    torchrun --nproc-per-node 8 examples/evaluate.py runs/a/checkpoint.pt --workers 12

The softmax is averaged over the crops and over the networks. What a checkpoint says of its network
and data holds unless an option says otherwise. What is started again with the same --out goes on
where it stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch
from recipe import options
from recipe.crops import CROPS, Crop, cut
from recipe.data import Corrupt, Images, Size, open_held_out
from recipe.distributed import World, joined
from recipe.ensemble import Ensemble, Member, right
from recipe.errors import UserError, command
from recipe.loading import Share
from recipe.randomness import be_deterministic
from recipe.tally import Tally, begun
from recipe.trained import RECORDED, Record, record, trained
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from netspec.text.diagnostics import escape

OPTIONS = (*RECORDED, "fresh", "batch", "workers", "max_corrupt")
_CROPS_BETWEEN_SAVES = 1024


class Look(NamedTuple):
    """An image's crops and its label, or why it cannot be read."""

    crops: Tensor
    label: int
    problem: str = ""


class Looks(Dataset[Look]):
    """Images, each decoded once for all of its crops."""

    def __init__(self, images: Images, crops: Sequence[Crop], size: Size) -> None:
        self.images, self.crops, self.size = images, crops, size

    def __getitem__(self, index: int) -> Look:
        try:
            image = self.images.read(index)
        except Corrupt as error:
            return Look(torch.empty(0), 0, str(error))
        crops = cut(image, self.crops, self.size, self.images.margin)
        return Look(crops, int(self.images.labels[index]))


class Rounds(Sampler[list[int]]):
    """The images from `start` on, each once: in a round a process takes up to `each` of them."""

    def __init__(self, start: int, stop: int, each: int, share: Share) -> None:
        self.starts = range(start, stop, each * share.size)
        self.stop, self.share = stop, share

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[list[int]]:
        for number, start in enumerate(self.starts, 1):
            images = range(start, self.done(number))
            yield [*images[self.share.rank :: self.share.size]]

    def done(self, number: int) -> int:
        """Return how many images are done after so many rounds."""
        return min(self.starts.start + number * self.starts.step, self.stop)


class Evaluation:
    """Networks and crops, the images that they are asked about, and how far that is."""

    def __init__(self, ensemble: Ensemble, images: Images, world: World) -> None:
        self.ensemble, self.images, self.world = ensemble, images, world
        self.recipe = ensemble.members[0].record.recipe
        self.batch = -(-self.recipe.batch // world.share.size)
        self.tally = self._begun()

    @property
    def path(self) -> Path:
        first = self.ensemble.members[0].record.path
        return Path(self.recipe.out or first.with_name("evaluation.json"))

    def _begun(self) -> Tally:
        """Return what the file has counted, if it holds the same question."""
        asked = Tally(
            question=_question(self.ensemble, self.images),
            images=len(self.images.labels),
            rows=self.ensemble.rows(),
        )
        return asked if self.recipe.fresh else begun(self.path, asked)

    def run(self) -> None:
        """Count until every image is done; the file is at most some rounds behind."""
        crops = len(self.ensemble.crops)
        each = max(1, self.batch // crops)
        order = Rounds(self.tally.done, self.tally.images, each, self.world.share)
        between = max(1, _CROPS_BETWEEN_SAVES // (each * crops))
        self._write()  # what cannot be written is told before the work
        counts = self._counted([])
        with self._bar() as bar:
            for number, looks in enumerate(self._loader(order), 1):
                counts += self._counted(looks)
                bar.update(order.done(number) - bar.n)
                if number % between == 0 or number == len(order):
                    self._save(order.done(number), counts)
                    counts.zero_()

    def _loader(self, order: Rounds) -> DataLoader[Look]:
        size = self.ensemble.members[0].network.size
        return DataLoader(
            Looks(self.images, self.ensemble.crops, size),
            batch_sampler=order,
            num_workers=self.recipe.workers,
            collate_fn=list,
            pin_memory=self.world.device.type == "cuda",
        )

    def _bar(self) -> tqdm[Any]:
        return tqdm(
            total=self.tally.images,
            initial=self.tally.done,
            unit="img",
            mininterval=0.2 if sys.stderr.isatty() else 30.0,
            disable=not self.world.is_first,
        )

    def _counted(self, looks: Sequence[Look]) -> Tensor:
        """Count images: the unreadable, then by row those right at first, and among five."""
        device = self.world.device
        counts = torch.zeros(1 + 2 * len(self.tally.rows), dtype=torch.int64, device=device)
        for look in looks:
            if look.problem:
                tqdm.write(f"not counted: {escape(look.problem)}", file=sys.stderr)
        read = [look for look in looks if not look.problem]
        counts[0] = len(looks) - len(read)
        if read:
            seen = torch.stack([look.crops.to(device, non_blocking=True) for look in read])
            labels = torch.tensor([look.label for look in read], device=device)
            counts[1:] = right(self.ensemble.probabilities(seen, self.batch), labels).flatten()
        return counts

    def _save(self, done: int, counts: Tensor) -> None:
        self.tally.add(done, self.world.sum(counts))
        self._write()
        if self.tally.unreadable > self.recipe.max_corrupt:
            found, most = self.tally.unreadable, self.recipe.max_corrupt
            raise UserError(
                f"{found} images cannot be read: fix them, or raise --max-corrupt {most}"
            )

    def _write(self) -> None:
        if self.world.is_first:
            self.tally.write(self.path)


def _question(ensemble: Ensemble, images: Images) -> dict[str, Any]:
    """Return what makes an evaluation another one; plain data."""
    records = [member.record for member in ensemble.members]
    return {
        "checkpoints": [[str(each.path), _digest(each.path.read_bytes())] for each in records],
        "options": [each.recipe.model_dump(mode="json", include={*RECORDED}) for each in records],
        "crops": [*ensemble.sets],
        "labels": _digest(numpy.asarray(images.labels).tobytes()),
    }


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def member(found: Record, classes: Sequence[str], device: torch.device) -> Member:
    """Return a checkpoint's network, ready to be asked about data. Raises UserError."""
    for place, (ours, theirs) in enumerate(zip_longest(classes, found.classes or classes)):
        if ours != theirs:
            raise UserError(
                f"class {place} is {theirs!r} in {found.path} and {ours!r} in {found.recipe.data}: "
                "evaluate it on data that has its classes in its order"
            )
    network = trained(found, len(classes))
    network.model.to(device).eval()
    with torch.inference_mode():
        given = network.model(torch.zeros(1, 3, *network.size, device=device))
    if not isinstance(given, Tensor) or given.shape != (1, len(classes)):
        raise UserError(
            f"{found.path} does not give a number for each of the {len(classes)} classes of "
            f"{found.recipe.data}: name --data, or the network's --spec and --set"
        )
    return Member(found, network)


def run(records: Sequence[Record], sets: Sequence[int], world: World) -> None:
    be_deterministic()
    _agree({each.path: each.recipe.data for each in records}, "name one --data")
    classes, held_out = open_held_out(records[0].recipe.data)
    members = [member(each, classes, world.device) for each in records]
    _agree({each.record.path: each.network.size for each in members}, "evaluate them apart")
    evaluation = Evaluation(Ensemble(members, sets), held_out, world)
    evaluation.run()
    if world.is_first:
        print(evaluation.tally.table())


def _agree(found: Mapping[Path, object], cure: str) -> None:
    """Refuse checkpoints that do not have a thing in common."""
    (first, wanted), *others = found.items()
    for path, value in others:
        if value != wanted:
            raise UserError(f"{first} is of {wanted}, {path} of {value}: {cure}")


def main(argv: Sequence[str] | None = None) -> None:
    text = str(__doc__).partition("\n")[0]
    parser = options.parser(text, OPTIONS)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="what train.py wrote, or weights")
    crops = "of each image: the centre, 10 or 144, 5 or 72 without mirrors; several for a table"
    parser.add_argument("--crops", type=int, nargs="+", choices=[*CROPS], default=[1], help=crops)
    out = "where counts go (default: evaluation.json beside the first checkpoint)"
    parser.add_argument("--out", default="", metavar="FILE", help=out)
    arguments = parser.parse_args(argv)
    records = [record(path, arguments) for path in arguments.checkpoints]
    with joined() as world:
        run(records, sorted({*arguments.crops}), world)


if __name__ == "__main__":
    command(main)
