"""The recipe of the training examples: its values, its groups and schedules, what a run logs."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recipe import options
from recipe.errors import UserError, command
from recipe.logs import Log
from recipe.optimizing import losses, mixed, optimizer, renew, schedule
from recipe.options import Recipe
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR, StepLR

import netspec
from tests.support import ROOT, draws
from tests.training.support import SMALL, example

RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.yaml"))
PAPERS = str(ROOT / "examples" / "googlenet.py")
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.floats())
)


def parsed(*argv: object) -> Recipe:
    return options.parse("", [str(argument) for argument in argv])


def told(error: pytest.ExceptionInfo[UserError]) -> str:
    return "\n".join(error.value.args)


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, "utf-8")
    return path


def net() -> nn.Module:
    """A network with each kind of weight, one of them frozen."""
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LayerNorm(16), nn.Linear(16, 5)
    )
    made[0].weight.requires_grad_(False)
    return made


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_names_a_spec_and_leaves_the_places_to_its_user(path: Path) -> None:
    recipe = parsed("--recipe", path)
    assert netspec.load(recipe.spec).network.spec.name
    assert recipe.data == Recipe().data and recipe.out == Recipe().out


def test_the_papers_recipe_is_the_default() -> None:
    changes = Recipe().changes(parsed("--recipe", ROOT / "examples/recipes/googlenet.yaml"))
    old, new = changes.pop("spec")
    assert Path(new).samefile(ROOT / old) and not changes


def test_options_stand_above_the_file_and_that_above_the_program(tmp_path: Path) -> None:
    path = written(tmp_path, "lr: 0.5\nbatch: 8\nset: [a=1, b=2]\nscale: [1, 2, 3]\n")
    made = options.parser("", lr=0.1, batch=2, epochs=3.0)
    recipe = options.recipe_of(
        made.parse_args(["--recipe", str(path), "--batch", "4", "--set", "b=3", "--no-tf32"])
    )
    assert (recipe.lr, recipe.batch, recipe.epochs, recipe.tf32) == (0.5, 4, 3.0, False)
    assert recipe.settings == {"a": 1, "b": 3} and recipe.scale == (1.0, 2.0, 3.0)
    assert parsed("--scale", 2).scale == 2.0 and parsed("--mean", 1, 2, 3).mean == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("name", sorted(Recipe.model_fields))
def test_every_option_is_typed_and_bounded(name: str) -> None:
    kind = Recipe.model_fields[name].annotation
    wrong: list[Any] = [None, {"a": 1}, object(), [[]]]
    if kind is not bool:
        wrong.append(True)
    if kind not in (bool, str):
        wrong += [float("nan"), float("inf"), -1e300, 10**30, "1", (1.0,) * 7]
    for value in wrong:
        with pytest.raises(ValueError, match=name):
            Recipe(**{name: value})


@settings(max_examples=draws(40, 1000), deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(Recipe.model_fields)), VALUES, max_size=3))
def test_a_recipe_that_is_made_is_the_one_it_is_recorded_as(values: dict[str, Any]) -> None:
    try:
        recipe = Recipe(**values)
    except ValueError:
        return
    assert Recipe(**recipe.to_dict()) == recipe and not recipe.changes(recipe)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr: -1", "recipe.yaml:1:5: lr: expected greater than 0, found -1"),
        ("batch: 1.5", "recipe.yaml:1:8: batch: expected a valid integer, found 1.5"),
        ("batch: true", "recipe.yaml:1:8: batch: expected a valid integer, found True"),
        ("\nschedule: step", "recipe.yaml:2:11: schedule: expected 'exponential', 'cosine' or"),
        ("lrr: 1", "recipe.yaml:1:1: a recipe has no option `lrr`; did you mean `lr`?"),
        ("recipe: other.yaml", "recipe.yaml:1:1: a recipe has no option `recipe`"),
        ("- lr", "recipe.yaml:1:1: expected options with their values"),
        ("set: [classes]", "set: expects NAME=NUMBER, NAME=true or NAME=false, found 'classes'"),
        ("mean: {r: 1}", "recipe.yaml:1:7: mean: expected a list, found {'r': 1}"),
        ("crop_area: [1, 0.5]", "crop_area: the smaller number comes first, found 1.0 and 0.5"),
        ("crop_area: [0.5, 2]", "recipe.yaml:1:12: crop_area: 2.0 is more than the whole image"),
        ("accumulate: 5", "--batch: 32 has no 5 (accumulate) parts"),
        ("nesterov: true\nmomentum: 0", "recipe.yaml:1:11: nesterov: it needs momentum"),
        ("lr_min: 1", "recipe.yaml:1:9: lr_min: 1.0 is above lr, 0.01"),
        ("lr: 1\nlr: 2", "recipe.yaml:2:1: error[NS003]"),
        ("lr: &a 1", "recipe.yaml:1:5: error[NS005]"),
        ("lr: 010", "recipe.yaml:1:5: error[NS006]"),
        ("lr: " + "[" * 100_000, "NS001"),
    ],
)
def test_what_is_wrong_in_a_file_is_a_line_with_its_place(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises((UserError, netspec.SpecError)) as error:
        parsed("--recipe", written(tmp_path, text))
    assert message in str(error.value) or message in told(error)


def test_every_mistake_is_told_and_with_the_option_where_that_stands_above(tmp_path: Path) -> None:
    path = written(tmp_path, "lr: -1\nbatch: 0\nflip: 2\n")
    with pytest.raises(UserError) as error:
        parsed("--recipe", path, "--lr", "many", "--set", "a")
    found = [line.removeprefix(str(path)) for line in error.value.args]
    assert sorted(found) == [
        "--lr: expected a valid number, found 'many'",
        "--set: expects NAME=NUMBER, NAME=true or NAME=false, found 'a'",
        ":2:8: batch: expected greater than 0, found 0",
        ":3:7: flip: expected less than or equal to 1, found 2",
    ]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--batch", "0"], "train.py: error: --batch: expected greater than 0, found 0\n"),
        (["--lrr", "1"], "train.py: error: unrecognized arguments: --lrr 1; --help lists the"),
        (["--recipe", "no\x1b[31m.yaml"], r"train.py: error: there is no file no\x1b[31m.yaml"),
        (["--spec", "no.yaml"], "train.py: error: there is no file no.yaml\n"),
        (["--data", "/nowhere"], "train.py: error: /nowhere"),
        (
            [*SMALL, "--set", "clases=10"],
            "Small has no parameter `clases`; did you mean `classes`?",
        ),
        (["--module", PAPERS, "--set", "clases=1"], "--set clases: GoogLeNet of "),
        ([*SMALL, "--set", "classes=0"], "small.yaml:5:10: error[NS035]: `out_features` of"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    argv: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["examples/train.py"])
    with pytest.raises(SystemExit) as end:
        command(lambda: example("train", *argv, "--out", tmp_path / "out"))
    printed = capsys.readouterr().err
    assert end.value.code == 2 and message in printed and printed.count("\n") == 1, printed
    assert not (tmp_path / "out").exists()


def test_ctrl_c_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        command(interrupted)
    assert end.value.code == 130 and not capsys.readouterr().err


def test_what_differs_at_a_resume_is_applied_or_refused_or_of_no_account() -> None:
    recorded = Recipe(lr=0.1, workers=2, out="old").to_dict()
    now = Recipe(lr=0.05, weight_decay=0.1, workers=1, fresh=True)
    assert now.resumed(recorded) == {"lr": (0.1, 0.05), "weight_decay": (2e-4, 0.1)}
    with pytest.raises(UserError) as error:
        Recipe(batch=16, seed=3).resumed(recorded)
    assert [line.partition(":")[0] for line in error.value.args] == [
        "--batch was 32 and is 16",
        "--seed was 0 and is 3",
    ]
    with pytest.raises(UserError, match="another version"):
        now.resumed({**recorded, "colour": 1})


def test_groups_are_caffes_and_torchvisions() -> None:
    """Biases twice as fast and without decay; a norm's weights decay, or nothing of it does."""
    model = net()
    caffe = {
        "0.bias": (0.02, 0.0),
        "1.weight": (0.01, 2e-4),
        "1.bias": (0.01, 2e-4),
        "3.weight": (0.01, 2e-4),
        "3.bias": (0.01, 2e-4),
        "4.weight": (0.01, 2e-4),
        "4.bias": (0.02, 0.0),
    }
    assert rates(model, Recipe()) == caffe
    torchvision = Recipe(bias_lr=1, bias_decay=1, norm_decay=False)
    assert rates(model, torchvision) == {
        name: (0.01, 0.0 if name[0] in "13" else 2e-4) for name in caffe
    }


def rates(model: nn.Module, recipe: Recipe) -> dict[str, tuple[float, float]]:
    """Return the learning rate and weight decay of each weight that is trained."""
    groups = optimizer(model, recipe).param_groups
    found = {
        id(weight): (group["lr"], group["weight_decay"])
        for group in groups
        for weight in group["params"]
    }
    return {
        name: found[id(weight)] for name, weight in model.named_parameters() if id(weight) in found
    }


def test_an_optimizer_from_a_checkpoint_gets_the_rates_of_now() -> None:
    old, new = Recipe(momentum=0.5), Recipe(lr=0.3, weight_decay=0.1, bias_lr=3, nesterov=True)
    model = net()
    found, fresh = optimizer(model, old), optimizer(model, new)
    schedule(found, old, 10)
    renew(found, model, new)
    at = schedule(found, new, 10, step=85)
    assert at.get_last_lr() == pytest.approx([0.3 * 0.96, 0.3 * 0.96, 0.9 * 0.96])
    schedule(fresh, new, 10, step=85)
    for one, other in zip(found.param_groups, fresh.param_groups, strict=True):
        assert {**one, "params": 0} == {**other, "params": 0}


@pytest.mark.parametrize("step", [0, 7])
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(lr=0.1, decay=0.5, decay_epochs=2, epochs=6),
        Recipe(lr=0.1, schedule="cosine", epochs=6, lr_min=0.01),
        Recipe(lr=0.1, schedule="cosine", epochs=6, warmup=10),
        Recipe(lr=0.1, schedule="constant", epochs=6, warmup=10),
    ],
    ids=lambda recipe: f"{recipe.schedule}-{recipe.warmup}",
)
def test_a_schedule_is_torchs_whatever_step_it_starts_at(recipe: Recipe, step: int) -> None:
    per_epoch = 5
    weights = SGD([nn.Parameter(torch.zeros(1))], 0.1)
    falls = {
        "exponential": lambda: StepLR(weights, 2 * per_epoch, 0.5),
        "cosine": lambda: CosineAnnealingLR(weights, 30 - recipe.warmup, recipe.lr_min),
        "constant": lambda: LinearLR(weights, 1.0),
    }
    expected: Any = falls[recipe.schedule]()
    if recipe.warmup:
        weights = SGD([nn.Parameter(torch.zeros(1))], 0.1)
        rise = LinearLR(weights, 0.1, total_iters=9)  # 0.1, 0.2 ... 1: step 9 has the whole rate
        expected = SequentialLR(weights, [rise, falls[recipe.schedule]()], [10])
    course = []
    for _ in range(30):
        course.append(expected.get_last_lr()[0])
        weights.step()
        expected.step()
    ours = optimizer(nn.Linear(2, 1, bias=False), recipe)
    found = schedule(ours, recipe, per_epoch, step)
    for rate in course[step:]:
        assert found.get_last_lr()[0] == pytest.approx(rate, rel=1e-9)
        ours.step()
        found.step()


def test_without_mixup_images_and_loss_are_what_they_were() -> None:
    images, labels, logits = torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 2, 0]), torch.randn(4, 3)
    seen, targets = mixed(images, labels, Recipe(), 1)
    assert seen is images
    (loss,) = losses(logits, targets, 0.0)
    assert loss.equal(F.cross_entropy(logits, labels))
    assert losses((logits, -logits), targets, 0.1)[1].equal(
        F.cross_entropy(-logits, labels, label_smoothing=0.1)
    )


def test_mixup_is_torchvisions() -> None:
    """Each image with the one before it, in one share; the loss is that of shares of classes."""
    images, labels, logits = torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 2, 0]), torch.randn(4, 3)
    recipe = Recipe(mixup=0.4, label_smoothing=0.1)
    seen, targets = mixed(images, labels, recipe, 1)
    share = targets[0][1]
    assert 0 < share < 1
    torch.testing.assert_close(seen, share * images + (1 - share) * images.roll(1, 0))
    shares = share * F.one_hot(labels, 3) + (1 - share) * F.one_hot(labels.roll(1), 3)
    (loss,) = losses(logits, targets, recipe.label_smoothing)
    torch.testing.assert_close(loss, F.cross_entropy(logits, shares, label_smoothing=0.1))
    again, other = (mixed(images, labels, recipe, seed)[1][0][1] for seed in (1, 2))
    assert again == share != other


def rows(out: Path) -> list[tuple[str, str]]:
    with (out / "metrics.csv").open(newline="") as file:
        return [(row["step"], row["metric"]) for row in csv.DictReader(file)]


def test_a_resumed_run_logs_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    recipe = Recipe(out=str(tmp_path), csv=True)
    with Log(recipe, 0, 4) as log:
        for step in (1, 2, 3):
            log.step(step, 32, {"loss": 1.0, "accuracy": 0.5})
        log.evaluation(3, {"raw loss": 2.0})
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("2,train/lo")  # what a killed run leaves
    before = rows(tmp_path)[:4]
    with Log(recipe, 2, 4) as log:
        log.step(3, 32, {"loss": 1.0})
    assert rows(tmp_path) == [*before, ("3", "train/loss")]
    with Log(recipe, 0, 4) as log:
        log.evaluation(1, {"raw loss": 2.0})
    assert rows(tmp_path) == [("1", "held-out/raw loss")], "a fresh run starts a new file"


class Tracker(ModuleType):
    """Stands in for mlflow: the calls that were made."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.calls: list[tuple[str, tuple[object, ...], dict[str, object]]] = []
        self.exceptions = SimpleNamespace(MlflowException=ConnectionError)

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object, **named: object) -> object:
            self.calls.append((name, arguments, named))
            return SimpleNamespace(info=SimpleNamespace(run_id="7"))

        return call


def test_mlflow_gets_the_recipe_and_the_metrics_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = Tracker()
    monkeypatch.setitem(sys.modules, "mlflow", tracker)
    recipe = Recipe(out=str(tmp_path), mlflow="digits")
    with Log(recipe, 0, 4) as log:
        log.step(1, 32, {"loss": 1.0})
    with pytest.raises(KeyError), Log(recipe, 1, 4):
        raise KeyError
    assert [name for name, _, _ in tracker.calls] == [
        "set_experiment", "start_run", "log_params", "log_metrics", "end_run",
        "set_experiment", "start_run", "end_run",
    ]  # fmt: skip
    calls = [(arguments, named) for _, arguments, named in tracker.calls]
    assert calls[3] == (({"train/loss": 1.0},), {"step": 1, "synchronous": False})
    assert [calls[i][1]["run_id"] for i in (1, 6)] == [None, "7"]
    assert [calls[i][0] for i in (4, 7)] == [("FINISHED",), ("FAILED",)]
    assert calls[2] == ((recipe.to_dict(),), {})


def test_mlflow_that_is_missing_or_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(out=str(tmp_path), mlflow="digits")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UserError, match="--mlflow needs a package: pip install mlflow"):
        Log(recipe, 0, 4)

    def refuse(name: str) -> None:
        raise ConnectionError(f"no answer for {name}")

    tracker = Tracker()
    tracker.set_experiment = refuse  # type: ignore[method-assign]  # a module's attribute
    monkeypatch.setitem(sys.modules, "mlflow", tracker)
    with pytest.raises(UserError, match="--mlflow digits: no answer for digits"):
        Log(recipe, 0, 4)
