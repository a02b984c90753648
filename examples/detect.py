"""Detect objects as the GoogLeNet paper does (section 8): R-CNN with a network of a spec.

    python examples/detect.py propose --data shapes --out runs/shapes/proposals.pt
    python examples/detect.py train --data shapes --proposals runs/shapes/proposals.pt \\
        --spec examples/small_bn.yaml --scale 0.0157 --lr 0.1 --epochs 3 --out runs/shapes
    python examples/detect.py evaluate runs/shapes/checkpoint.pt --data shapes-held-out
    python examples/detect.py detect runs/shapes/checkpoint.pt --images *.jpg --plot found.png

Selective search proposes regions, and so does MultiBox, which `multibox` trains; an ensemble of
classifiers says what they show. `detect.py COMMAND --help` lists a command's options.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from detection import detecting, drawing, learning, proposing, scoring
from detection.detecting import Detections, warping
from detection.layouts import Pictures, open_pictures
from detection.loose import Loose
from detection.scoring import Scores
from detection.sharing import sharing
from recipe import networks, options
from recipe.arguments import whole
from recipe.distributed import World, joined
from recipe.ensemble import Member
from recipe.errors import UserError, command
from recipe.networks import Network
from recipe.options import Recipe
from recipe.randomness import be_deterministic
from recipe.transfer import transfer
from torch import Tensor

from netspec.text.diagnostics import escape
from netspec.text.files import check, write

SEEN = 0.5  # probability from which on a detection is shown
COUNTED = 0.01  # and from which on it counts in a score, whose curve needs the unsure ones too
OF_MULTIBOX = (
    *("recipe", "spec", "module", "set", "out", "seed", "epochs", "batch", "workers"),
    *("lr", "schedule", "decay", "decay_epochs", "lr_min", "warmup", "momentum", "nesterov"),
    *("weight_decay", "bias_lr", "bias_decay", "norm_decay", "clip_norm", "average", "flip"),
    *("photometric", "lighting", "mean", "scale", "channels_last", "max_corrupt", "allow_partial"),
)
"""The options of a training run that MultiBox's has too."""
OF_USE = ("workers", "amp", "tf32", "channels_last")


def propose(argv: Sequence[str]) -> None:
    """Find the regions of pictures that may hold an object."""
    parser = _parser(propose, ["workers"])
    _add_pictures(parser)
    _add_multibox(parser)
    parser.add_argument("--out", default="proposals.pt", help="file to write")
    arguments = parser.parse_args(argv)
    pictures = _pictures(arguments)
    with joined() as world:
        proposing.write(Path(arguments.out), pictures, _proposals(pictures, arguments, world))


def multibox(argv: Sequence[str]) -> None:
    """Train MultiBox, a network that proposes regions."""
    defaults = {"spec": "examples/multibox.yaml", "out": "runs/multibox"} | learning.WHOLE
    parser = _parser(multibox, OF_MULTIBOX, **defaults)
    _add_pictures(parser)
    _add_start(parser)
    arguments = parser.parse_args(argv)
    recipe, pictures = options.recipe_of(arguments), _pictures(arguments)
    be_deterministic()
    with joined() as world:
        learning.learn_multibox(recipe, _network(recipe, None, arguments, world), pictures, world)


def train(argv: Sequence[str]) -> None:
    """Train a network to tell the classes of regions, and all of them from the ground."""
    defaults = {"out": "runs/detection", "batch": 128, "lr": 0.001} | learning.WHOLE
    parser = _parser(train, options.NAMES - {"data"}, **defaults)
    _add_pictures(parser)
    _add_proposals(parser)
    _add_start(parser)
    arguments = parser.parse_args(argv)
    recipe, pictures = options.recipe_of(arguments), _pictures(arguments)
    be_deterministic()
    with joined() as world:
        network = _network(recipe, 1 + len(pictures.classes), arguments, world)
        found = _proposals(pictures, arguments, world)
        learning.learn_regions(recipe, network, pictures, found, world)


def evaluate(argv: Sequence[str]) -> None:
    """Find the objects of pictures, and compare them with those that are there."""
    parser = _parser(evaluate, OF_USE)
    _add_pictures(parser)
    _add_proposals(parser)
    _add_use(parser)
    arguments = parser.parse_args(argv)
    pictures = _pictures(arguments)
    with joined() as world:
        members = _members(arguments, world)
        if (known := detecting.classes_of(members)) != pictures.classes:
            raise UserError(
                f"{arguments.checkpoints[0]} knows {', '.join(known)}, {arguments.data} has "
                f"{', '.join(pictures.classes)}: evaluate it on pictures of its classes"
            )
        found = _find(pictures, members, COUNTED, arguments, world)
    for line in _table(scoring.scores(pictures, found)):
        print(escape(line))


def detect(argv: Sequence[str]) -> None:
    """Find the objects of image files."""
    parser = _parser(detect, OF_USE)
    _add_multibox(parser)
    _add_use(parser)
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="files to look at")
    arguments = parser.parse_args(argv)
    with joined() as world:
        members = _members(arguments, world)
        pictures = Loose(arguments.images, detecting.classes_of(members))
        found = _find(pictures, members, SEEN, arguments, world)
    for index, each in enumerate(found):
        for line in each.lines(pictures.classes):
            print(escape(f"{pictures.name(index)}: {line}"))


def _table(scores: Scores) -> list[str]:
    rows = [*scores.classes.items(), ("mean", scores.mean)]
    width = max(len(name) for name, _ in rows)
    head = f"{'':{width}}  AP50     AP"
    return [head, *(f"{name:{width}} {each.ap50:5.3f}  {each.ap:5.3f}" for name, each in rows)]


def _parser(
    command: Callable[[Sequence[str]], None], only: Collection[str], **defaults: Any
) -> ArgumentParser:
    parser = options.parser(str(command.__doc__), only, **defaults)
    parser.prog = f"detect.py {command.__name__}"
    return parser


def _add_pictures(parser: ArgumentParser) -> None:
    text = "`shapes`, `shapes-held-out`, a COCO json, or a VOC directory (default: shapes)"
    parser.add_argument("--data", default="shapes", help=text)


def _add_multibox(parser: ArgumentParser) -> None:
    text = "what `multibox` wrote: it proposes too"
    parser.add_argument("--multibox", type=Path, metavar="CHECKPOINT", help=text)
    parser.add_argument("--alone", action="store_true", help="it alone, without selective search")


def _add_proposals(parser: ArgumentParser) -> None:
    _add_multibox(parser)
    text = "what `propose` wrote, in place of proposing now"
    parser.add_argument("--proposals", type=Path, metavar="FILE", help=text)


def _add_start(parser: ArgumentParser) -> None:
    text = "whose weights to begin with, where they fit"
    parser.add_argument("--start", type=Path, metavar="CHECKPOINT", help=text)


def _add_use(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoints", type=Path, nargs="+", help="what `train` wrote; averaged")
    text = "run the network up to this layer once a picture, not once a region"
    parser.add_argument("--fast", metavar="LAYER", help=text)
    parser.add_argument("--out", default="", help="JSON to write, as COCO's results")
    parser.add_argument("--plot", type=Path, help="PNG to draw")
    text = "pictures to draw, the first ones (default: 8)"
    parser.add_argument("--shown", type=whole(1), default=8, metavar="NUMBER", help=text)


def _pictures(arguments: Namespace) -> Pictures:
    """Open the pictures of --data; say what is odd about them."""
    pictures = open_pictures(arguments.data)
    for note in pictures.notes:
        print(escape(note), file=sys.stderr)
    return pictures


def _network(recipe: Recipe, classes: int | None, arguments: Namespace, world: World) -> Network:
    """Return the network that is to be trained, with the weights of --start."""
    network = networks.build(recipe, classes)
    if arguments.start:
        report = transfer(network.model, arguments.start, allow_partial=recipe.allow_partial)
        if world.is_first:
            print(report)
    return network


def _proposals(pictures: Pictures, arguments: Namespace, world: World) -> list[Tensor]:
    """Read or find the proposals of pictures, and say how good they are."""
    given = vars(arguments).get("proposals")
    if given and arguments.multibox:
        raise UserError("--proposals and --multibox: name one, `propose` takes MultiBox's in")
    if arguments.alone and not arguments.multibox:
        raise UserError("--alone needs --multibox")
    if given:
        found = proposing.read(given, pictures)
    else:
        propose = proposing.proposer(arguments, world.device)
        found = proposing.propose_all(pictures, propose, options.recipe_of(arguments).workers)
    if world.is_first:
        print(proposing.told(pictures, found))
    return found


def _members(arguments: Namespace, world: World) -> list[Member]:
    return [detecting.classifier(path, arguments, world.device) for path in arguments.checkpoints]


def _find(
    pictures: Pictures,
    members: Sequence[Member],
    least: float,
    arguments: Namespace,
    world: World,
) -> list[Detections]:
    """Find the objects of pictures; write and draw them where that is asked for."""
    for path in filter(None, (arguments.out, arguments.plot)):
        check(str(path))
    proposals, fast, device = _proposals(pictures, arguments, world), arguments.fast, world.device
    scores = [sharing(each, fast, device) if fast else warping(each, device) for each in members]
    found = detecting.detect(pictures, proposals, detecting.together(scores), least)
    if arguments.out:
        write({arguments.out: json.dumps(scoring.results(pictures, found)).encode()})
    if arguments.plot:
        shown = [each.above(SEEN) for each in found[: arguments.shown]]
        drawing.draw(pictures, shown, arguments.plot)
    return found


COMMANDS = {each.__name__: each for each in (propose, multibox, train, evaluate, detect)}


def main(argv: Sequence[str] | None = None) -> None:
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        print(str(__doc__).strip())
    elif name in COMMANDS:
        COMMANDS[name](rest)
    else:
        raise UserError(f"{name}: no such command; there are {', '.join(COMMANDS)}")


if __name__ == "__main__":
    command(main)
