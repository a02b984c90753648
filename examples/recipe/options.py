"""The recipe: every setting of a training run, with the paper's values as defaults.

A value comes from the command line, else from the file that --recipe names, else from here.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal, NoReturn, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from netspec.cli.exits import Failure
from netspec.cli.settings import settings
from netspec.text.diagnostics import Span
from netspec.text.plain import number
from recipe.errors import UserError
from recipe.files import read

Changes = dict[str, tuple[Any, Any]]
"""Options by name: as they were, and as they are."""
_MOST = 10**9
Text = Annotated[str, Field(max_length=4096)]
Positive = Annotated[float, Field(gt=0, le=1000)]
Level = Annotated[float, Field(ge=0, le=255)]


def option(default: Any, text: str, *, resume: str = "applied", **bounds: Any) -> Any:
    """Return a setting that is also a command-line option.

    Where a run goes on with another value, that is `applied`; `ignored` where it says how the
    program runs, not what it computes; any other `resume` is the reason to refuse it.
    """
    return Field(default, description=text, json_schema_extra={"resume": resume}, **bounds)


class Recipe(BaseModel):
    """The GoogLeNet paper's section 6, and where it is silent, Caffe's published solver.

    That is solver.prototxt and train_val.prototxt of its models/bvlc_googlenet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    recipe: Text = option("", "a YAML file with other defaults than these", resume="ignored")
    spec: Text = option("specs/googlenet.yaml", "the network's spec")
    module: Text = option("", "a generated model.py, instead of --spec")
    set: tuple[Text, ...] = option((), "NAME=VALUE of a spec's parameter; may be repeated")
    data: Text = option(
        "digits",
        "`digits`, `parity`, or a directory with train/CLASS/* and val/CLASS/*, or with shards",
    )
    out: Text = option("runs/train", "where checkpoints and logs go", resume="ignored")

    epochs: float = option(
        250.0, "how often the training set is passed; may be a fraction", gt=0, le=1e6
    )
    batch: int = option(
        32,
        "images in a batch, over all processes",
        resume="the steps done were counted in batches of the old size",
        gt=0,
        le=2**20,
    )
    accumulate: int = option(
        1, "cut batches in so many parts, whose gradients are added up", gt=0, le=2**20
    )
    lr: float = option(0.01, "learning rate at the start", gt=0, le=_MOST)
    schedule: Literal["exponential", "cosine", "constant"] = option(
        "exponential", "how the learning rate falls: in steps, along half a cosine, or not"
    )
    decay: float = option(0.96, "exponential: factor on the learning rate", gt=0, le=1)
    decay_epochs: float = option(8.0, "exponential: epochs between two such steps", gt=0, le=1e6)
    lr_min: float = option(0.0, "cosine: learning rate at the end", ge=0, le=_MOST)
    warmup: int = option(
        0,
        "steps in which the learning rate rises to its start (paper: none)",
        ge=0,
        le=_MOST,
    )
    momentum: float = option(0.9, "of SGD", ge=0, lt=1)
    nesterov: bool = option(False, "Nesterov's momentum")
    weight_decay: float = option(2e-4, "L2 penalty (Caffe's solver)", ge=0, le=1)
    bias_lr: float = option(2.0, "factor on the learning rate of biases (Caffe's)", ge=0, le=1000)
    bias_decay: float = option(0.0, "factor on their weight decay (Caffe's)", ge=0, le=1000)
    norm_decay: bool = option(True, "weight decay also on the weights of normalisations")
    clip_norm: float = option(
        0.0, "longer gradients are scaled to this norm; 0: none", ge=0, le=_MOST
    )
    label_smoothing: float = option(
        0.0, "share of the target that all classes have alike", ge=0, lt=1
    )
    mixup: float = option(
        0.0, "images are mixed in shares from Beta(this, this); 0: none", ge=0, le=100
    )
    average: float = option(
        0.9999, "the Polyak average's largest decay; it warms up by itself", ge=0, lt=1
    )

    crop_area: tuple[Positive, Positive] = option((0.08, 1.0), "a crop's share of the image")
    crop_aspect: tuple[Positive, Positive] = option((0.75, 4 / 3), "a crop's width/height")
    interpolation: Literal["random", "bilinear", "nearest", "area", "bicubic"] = option(
        "random", "how crops are resized; random: one of the four"
    )
    photometric: float = option(
        0.5, "brightness, contrast and saturation change by up to this", ge=0, le=1
    )
    lighting: float = option(
        0.1, "deviation of the noise along the colours' principal axes; 0: none", ge=0, le=10
    )
    flip: float = option(0.5, "probability of mirroring (Caffe's)", ge=0, le=1)
    mean: tuple[Level, Level, Level] = option(
        (123.0, 117.0, 104.0), "subtracted, pixels being 0-255"
    )
    scale: Positive | tuple[Positive, Positive, Positive] = option(
        1.0, "multiplies pixels less their mean, all or by channel; 0.0157 gives about -2 to 2"
    )

    seed: int = option(
        0,
        "decides every random number, whatever the number of processes",
        resume="it decided in which order the images come",
        ge=0,
        lt=2**63,
    )
    amp: bool = option(False, "mixed precision: bfloat16")
    tf32: bool = option(True, "TF32 in the GPU's matrix products and convolutions")
    channels_last: bool = option(True, "lay images out with their channels last")
    compile: bool = option(False, "torch.compile the network")
    fsdp: bool = option(False, "shard the weights (FSDP2) instead of copying them (DDP)")
    sync_bn: bool = option(True, "batch norm over all processes' images")
    workers: int = option(
        0,
        "processes that load images, for each training process",
        resume="ignored",
        ge=0,
        le=1024,
    )
    max_corrupt: int = option(10, "images that may be unreadable", resume="ignored", ge=0, le=_MOST)
    evaluate_every: int = option(
        0, "steps between evaluations; 0: once an epoch", resume="ignored", ge=0, le=_MOST
    )
    save_every: int = option(
        0, "steps between checkpoints; 0: at each evaluation", resume="ignored", ge=0, le=_MOST
    )
    keep: int = option(
        3, "last checkpoints kept, besides the best", resume="ignored", gt=0, le=_MOST
    )
    csv: bool = option(False, "write the metrics also to OUT/metrics.csv", resume="ignored")
    mlflow: Text = option("", "experiment of MLflow to which the metrics also go", resume="ignored")
    stop_at: int = option(
        0, "leave after this step, as if interrupted", resume="ignored", ge=0, le=_MOST
    )
    fresh: bool = option(False, "start anew even if --out holds a checkpoint", resume="ignored")
    allow_partial: bool = option(
        False, "take published weights of which few fit the network", resume="ignored"
    )

    @field_validator("set")
    @classmethod
    def _are_settings(cls, items: tuple[str, ...]) -> tuple[str, ...]:
        try:
            settings(items)
        except Failure as failure:
            raise ValueError(str(failure).removeprefix("--set ")) from None
        return items

    @field_validator("crop_area", "crop_aspect")
    @classmethod
    def _rises(cls, span: tuple[float, float]) -> tuple[float, float]:
        if span[0] > span[1]:
            raise ValueError(f"the smaller number comes first, found {span[0]} and {span[1]}")
        return span

    @model_validator(mode="after")
    def _agrees(self) -> Recipe:
        if self.batch % self.accumulate:
            raise ValueError(f"batch: {self.batch} has no {self.accumulate} (accumulate) parts")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov: it needs momentum, and that is 0")
        if self.lr_min > self.lr:
            raise ValueError(f"lr_min: {self.lr_min} is above lr, {self.lr}")
        if self.crop_area[1] > 1:
            raise ValueError(f"crop_area: {self.crop_area[1]} is more than the whole image, 1")
        return self

    @property
    def settings(self) -> dict[str, float]:
        """The values of --set as numbers."""
        return settings(self.set)

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump()

    def changes(self, other: Recipe) -> Changes:
        """Return what another recipe computes differently, in the order of the options."""
        found = {}
        for name, each in Recipe.model_fields.items():
            old, new = getattr(self, name), getattr(other, name)
            if old != new and _resume(each) != "ignored":
                found[name] = old, new
        return found

    def resumed(self, recorded: Mapping[str, Any]) -> Changes:
        """Return what this changes in a run that recorded its own recipe, or refuse it."""
        try:
            old = Recipe(**recorded)
        except ValidationError:
            cure = "start anew with another --out or --fresh"
            raise UserError(f"the run has options of another version of this: {cure}") from None
        found = old.changes(self)
        refused = [name for name in found if _resume(Recipe.model_fields[name]) != "applied"]
        if refused:
            raise UserError(*(_refusal(name, *found[name]) for name in refused))
        return found


def _resume(each: FieldInfo) -> str:
    return str(cast(dict[str, Any], each.json_schema_extra)["resume"])


def _refusal(name: str, old: Any, new: Any) -> str:
    """Say why a run cannot go on with another value of an option."""
    reason = _resume(Recipe.model_fields[name])
    cure = f"go on with {_flag(name)} {old}, or start anew with another --out or --fresh"
    return f"{_flag(name)} was {old} and is {new}: {reason}; {cure}"


def _mistakes(error: ValidationError, places: Mapping[str, Span]) -> list[str]:
    """Say what is wrong with options: a line for each, with its place in a file if it has one."""
    found: dict[str, str] = {}
    for each in error.errors():
        text = each["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
        text = text.replace("valid tuple", "list")
        if each["type"] != "value_error":
            text += f", found {each['input']!r:.80}"
        if each["loc"]:
            name = str(each["loc"][0])
        else:
            name, _, text = text.partition(": ")
        place = f"{places[name]}: {name}" if name in places else _flag(name)
        found.setdefault(name, f"{place}: {text}")
    return list(found.values())


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


NAMES = frozenset(Recipe.model_fields)


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are errors of the user."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help lists the options")


def parser(
    description: str, only: Collection[str] = NAMES, /, **defaults: Any
) -> argparse.ArgumentParser:
    """Return a parser with an option per setting; `defaults` replace the recipe's."""
    made = Parser(description=description, allow_abbrev=False)
    made.set_defaults(defaults=defaults)
    for name, each in Recipe.model_fields.items():
        if name in only:
            _add(made, name, each, defaults.get(name, each.default))
    return made


def recipe_of(arguments: argparse.Namespace) -> Recipe:
    """Return the recipe in parsed arguments: what is given there above --recipe's file."""
    given = {name: value for name, value in vars(arguments).items() if name in NAMES}
    given = {name: _unlisted(name, value) for name, value in given.items()}
    entries = read(given["recipe"], NAMES - {"recipe"}) if given.get("recipe") else {}
    in_file = {name: entry.value for name, entry in entries.items()}
    if "set" in given and isinstance(earlier := in_file.get("set"), tuple):
        given["set"] = (*earlier, *given["set"])
    try:
        return Recipe(**arguments.defaults | in_file | given)
    except ValidationError as error:
        places = {name: entry.span for name, entry in entries.items() if name not in given}
        raise UserError(*_mistakes(error, places)) from None


def parse(description: str, argv: Sequence[str] | None = None) -> Recipe:
    return recipe_of(parser(description).parse_args(argv))


def _unlisted(name: str, value: Any) -> Any:
    """Return what argparse read as a tuple, or as the one number that stands for several."""
    if not isinstance(value, list):
        return value
    return value[0] if len(value) == 1 and name != "set" else tuple(value)


def _add(made: argparse.ArgumentParser, name: str, each: FieldInfo, default: Any) -> None:
    """Add an option; where it is not given, the parsed arguments do not have it."""
    words = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    text = f"{each.description} (default: {words or 'none'})".replace("%", "%%")
    made.add_argument(_flag(name), default=argparse.SUPPRESS, help=text, **_kind(name, each))


def _kind(name: str, each: FieldInfo) -> dict[str, Any]:
    """Say how argparse reads an option; pydantic judges what it read."""
    kind, parts = each.annotation, get_args(each.annotation)
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if kind is str:
        return {"metavar": name.upper()}
    if get_origin(kind) is Literal:
        return {"metavar": f"{{{','.join(parts)}}}"}
    if name == "set":
        return {"action": "extend", "nargs": "+", "metavar": "NAME=VALUE"}
    one: dict[str, Any] = {"type": _number, "metavar": "NUMBER"}
    if get_origin(kind) is tuple:
        return one | {"nargs": len(parts)}
    return one | {"nargs": "+"} if parts else one


def _number(text: str) -> int | float | str:
    value = number(text)
    return text if value is None else value
