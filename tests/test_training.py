"""Training resumes exactly, computes the same on one process and on two, and stops when asked."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.optim.swa_utils import AveragedModel

from tests.training.support import (
    EXAMPLES,
    LINEAR,
    SCRIPTS,
    SHARED,
    TINY,
    TORCHRUN,
    assert_same,
    example,
    learned,
    run,
    state,
)

NETWORKS = ("small", "small_bn")
Run = Callable[..., Path]


def of(network: str, options: tuple[str, ...] = SHARED) -> tuple[str, ...]:
    """Options of a run, for a network of the examples."""
    return ("--spec", str(EXAMPLES / f"{network}.yaml"), *options[2:])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs by the command line, with the gradients of their first steps; each is done once."""
    known: dict[tuple[object, ...], Path] = {}

    def train(*options: object, processes: int = 1) -> Path:
        key = *options, processes
        if key not in known:
            known[key] = tmp_path_factory.mktemp("run")
            launcher = TORCHRUN if processes > 1 else ()
            run(*launcher, SCRIPTS / "gradients.py", *options, "--out", known[key])
        return known[key]

    return train


@pytest.mark.long
@pytest.mark.parametrize(
    "network, flags",
    [
        ("small", ()),
        ("small_bn", ()),
        ("small_bn", ("--fsdp",)),
    ],
)
def test_a_resumed_run_ends_with_the_same_bits(
    network: str, flags: tuple[str, ...], trained: Run, tmp_path: Path
) -> None:
    processes = 2 if flags else 1
    launcher = TORCHRUN if flags else ()
    command = (*launcher, EXAMPLES / "train.py", *of(network), *flags, "--out", tmp_path)
    run(*command, "--stop-at", 5)
    assert state(tmp_path)["step"] == 5
    assert list((tmp_path / "tensorboard").glob("events*"))
    printed = run(*command, "--workers", 1)
    assert "going on at step 5 of 12" in printed
    assert_same(learned(trained(*of(network), *flags, processes=processes)), learned(tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("network", NETWORKS)
def test_two_processes_have_the_gradients_and_the_averages_of_one(
    network: str, trained: Run
) -> None:
    alone, together = trained(*of(network)), trained(*of(network), processes=2)
    one, two = (torch.load(out / "gradients.pt") for out in (alone, together))
    torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-5)
    assert all(gradient.any() for gradient in one.values())
    one, two = state(alone), state(together)
    # With few images to normalise over, rounding grows tenfold in each of the first steps.
    close = 1e-4 if network == "small" else 0.05
    for weights in ("model", "state_dict"):
        torch.testing.assert_close(two[weights], one[weights], rtol=close, atol=close)
    assert two["history"][-1]["loss"] == pytest.approx(one["history"][-1]["loss"], rel=close)


@pytest.mark.long
@pytest.mark.parametrize("network, flags", [("small", ("--accumulate", "2")), ("small_bn", ())])
def test_sharded_weights_learn_the_same_bits(
    network: str, flags: tuple[str, ...], trained: Run
) -> None:
    copied = trained(*of(network), *flags, processes=2)
    sharded = trained(*of(network), *flags, "--fsdp", processes=2)
    assert_same(learned(copied), learned(sharded))


@pytest.mark.long
def test_two_parts_of_a_batch_are_two_processes(trained: Run) -> None:
    options = of("small", TINY)  # with dropout
    one, two = trained(*options, "--accumulate", "2"), trained(*options, processes=2)
    for part in ("model", "state_dict", "optimizer"):
        assert_same(state(one)[part], state(two)[part])
    assert state(one)["history"][-1] == pytest.approx(state(two)["history"][-1])


@pytest.mark.long
@pytest.mark.parametrize(
    "network, flags, sent, step",
    [
        ("small", (), "SIGKILL", 6),
        ("small_bn", ("--fsdp",), "SIGKILL", 6),
        ("small_bn", (), "SIGTERM", 8),
    ],
)
def test_a_killed_worker_starts_again_and_loses_nothing(
    network: str, flags: tuple[str, ...], sent: str, step: int, trained: Run, tmp_path: Path
) -> None:
    command = (*TORCHRUN, "--max-restarts", "1", SCRIPTS / "dies_once.py", *of(network), *flags)
    environment = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "SIGNAL": sent}
    printed = run(*command, "--out", tmp_path, **environment)
    assert f"going on at step {step} of 12" in printed
    assert_same(learned(trained(*of(network), *flags, processes=2)), learned(tmp_path))


def test_restarts_that_would_hang_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from recipe.distributed import joined
    from recipe.errors import UserError

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "3")
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    with pytest.raises(UserError, match="TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1"), joined():
        pass


@pytest.fixture
def after(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, int], None]:
    """Makes this process get a signal in a method of the trainer, once it is at a step."""
    from recipe.trainer import Trainer

    def arrange(method: str, step: int, number: int) -> None:
        go_on = getattr(Trainer, method)

        def interrupted(self: Trainer, *arguments: object) -> object:
            if self.step == step:
                monkeypatch.setattr(Trainer, method, go_on)
                os.kill(os.getpid(), number)
            return go_on(self, *arguments)

        monkeypatch.setattr(Trainer, method, interrupted)

    return arrange


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody asks to stop."""
    out = tmp_path_factory.mktemp("straight")
    example("train", *of("small_bn", TINY), "--out", out)
    return out


@pytest.mark.parametrize(
    "method, step, number, saved",
    [
        ("train_step", 7, signal.SIGINT, 8),
        pytest.param("train_step", 7, signal.SIGTERM, 8, marks=pytest.mark.long),
        pytest.param("_score", 6, signal.SIGTERM, 6, marks=pytest.mark.long),
        ("_score", 12, signal.SIGTERM, 12),
    ],
)
def test_a_run_that_is_asked_to_stop_saves_what_it_has_done(
    method: str,
    step: int,
    number: int,
    saved: int,
    after: Callable[[str, int, int], None],
    straight: Path,
    tmp_path: Path,
) -> None:
    command = ("train", *of("small_bn", TINY), "--out", tmp_path)
    before = signal.getsignal(number)
    after(method, step, number)
    with pytest.raises(SystemExit) as stopped:
        example(*command)
    assert stopped.value.code == 128 + number and signal.getsignal(number) is before
    assert state(tmp_path)["step"] == saved
    example(*command)
    assert_same(learned(straight), learned(tmp_path))


def test_a_batch_has_a_part_for_each_process_and_turn(tmp_path: Path) -> None:
    import train
    from recipe.distributed import World
    from recipe.errors import UserError
    from recipe.loading import Share
    from recipe.options import Recipe

    recipe = Recipe(spec=str(EXAMPLES / "small.yaml"), batch=16, accumulate=8)
    with pytest.raises(UserError, match="--batch 16 has no 32 equal parts"):
        train.prepare(recipe, World(Share(0, 4), torch.device("cpu")))
    torch.use_deterministic_algorithms(False)


def test_parts_of_a_batch_add_up_to_its_gradients() -> None:
    import train
    from recipe.distributed import joined
    from recipe.loading import training_loader
    from recipe.options import Recipe

    found = []
    for parts in (1, 4):
        recipe = Recipe(
            spec=str(EXAMPLES / "small.yaml"), set=("dropout=0.0",), batch=16, accumulate=parts
        )
        with joined() as world:
            trainer = train.prepare(recipe, world)
        batch = next(
            iter(training_loader(recipe, trainer.data, trainer.size, world.share, range(1)))
        )
        metrics = trainer.backward(*batch)
        found.append({name: weight.grad for name, weight in trainer.model.named_parameters()})
        found.append({name: torch.tensor(value) for name, value in metrics.items()})
    torch.use_deterministic_algorithms(False)
    torch.testing.assert_close(found[2:], found[:2], rtol=1e-4, atol=1e-6)


@pytest.fixture
def one_process() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize(
    "kind, extent", [(nn.BatchNorm1d, ()), (nn.BatchNorm2d, (4, 3)), (nn.BatchNorm3d, (4, 3, 2))]
)
@pytest.mark.parametrize("options", [{}, {"momentum": None}, {"affine": False, "eps": 0.1}])
def test_batch_norm_over_processes_is_batch_norm(
    kind: type[nn.Module], extent: tuple[int, ...], options: dict, one_process: None
) -> None:
    from recipe.batch_norm import SyncedNorm, synchronise

    shape = (6, 5, *extent)
    norms = [kind(5, **options).double(), kind(5, **options).double()]
    assert isinstance(synchronise(norms[1], torch.device("cpu")), SyncedNorm)
    found: list[list] = [[], []]
    for _ in range(3):
        images = torch.randn(shape, dtype=torch.float64) * 3 + 7
        weights = torch.randn(shape, dtype=torch.float64)
        for norm, results in zip(norms, found, strict=True):
            seen = images.clone().requires_grad_()
            out = norm(seen)
            (out * weights).sum().backward()
            results += [out, seen.grad, norm.eval()(images), *norm.train().state_dict().values()]
            results += [weight.grad for weight in norm.parameters()]
    torch.testing.assert_close(found[1], found[0])


def test_statistics_are_averaged_as_weights_are() -> None:
    """As AveragedModel does it with use_buffers, by the same weights."""
    from recipe.polyak import Average

    def decayed(average: torch.Tensor, value: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        steps = int(count)
        decay = min(0.9, (1 + steps) / (10 + steps))
        return average * decay + value * (1 - decay)

    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))
    ours, reference = Average(model, 0.9), AveragedModel(model, avg_fn=decayed, use_buffers=True)
    for _ in range(12):
        model(torch.randn(8, 4))
        for weight in model.parameters():
            weight.data.add_(torch.randn_like(weight))
        ours.update(model)
        reference.update_parameters(model)
    wanted = reference.module.state_dict() | {"1.num_batches_tracked": torch.tensor(12)}
    torch.testing.assert_close(ours.module.state_dict(), wanted)


def test_the_averaged_network_has_statistics_of_its_own(straight: Path) -> None:
    raw, averaged = state(straight)["model"], state(straight)["state_dict"]
    same = {name for name in raw if raw[name].equal(averaged[name])}
    assert same == {name for name in raw if name.endswith("num_batches_tracked")}


@pytest.mark.long
@pytest.mark.parametrize("flags", [(), ("--fsdp",)], ids=["ddp", "fsdp"])
def test_mixed_precision_and_compile_go_with_batch_norm_on_two_processes(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    spec = tmp_path / "linear.yaml"  # compiling takes seconds for each layer
    spec.write_text(LINEAR.replace("flat:", "norm: batch_norm2d\n  flat:"))
    options = ("--spec", spec, *SHARED[2:6], "--batch", 8, "--stop-at", 2, "--clip-norm", 1)
    run(*TORCHRUN, EXAMPLES / "train.py", *options, "--amp", "--compile", *flags, "--out", tmp_path)
    example("train", *options, "--out", tmp_path / "plain")
    plain, mixed = state(tmp_path / "plain"), state(tmp_path)
    assert {weight.dtype for weight in mixed["model"].values()} == {torch.float32, torch.int64}
    torch.testing.assert_close(mixed["model"], plain["model"], rtol=0.05, atol=0.01)


def test_the_last_and_the_best_checkpoints_are_kept(tmp_path: Path) -> None:
    from recipe.checkpoint import Kept, read

    def saved(step: int, loss: float, weight: float = 1.0) -> dict:
        return {"step": step, "loss": loss, "model": {"weight": torch.tensor([weight])}}

    def steps() -> list[int]:
        return [read(path)["step"] for path in sorted(tmp_path.glob("checkpoint-*.pt"))]

    kept = Kept(tmp_path, 3)
    assert kept.calm() is None, "there is none"
    for step, loss in ((2, 0.9), (4, 0.6), (6, 0.5), (8, 0.7), (10, 55.0)):
        kept.write(saved(step, loss), is_best=step == 4)
    assert (
        steps() == [6, 8, 10] and read(kept.newest)["step"] == 10 and read(kept.best)["step"] == 4
    )
    assert kept.calm() == (tmp_path / "checkpoint-00000008.pt", 8)
    kept.write(saved(12, 0.4, weight=float("nan")), is_best=False)
    assert kept.calm() == (tmp_path / "checkpoint-00000008.pt", 8), "weights that are no numbers"
    kept.write(saved(9, 0.4), is_best=False)
    assert steps() == [8, 9], "a run that went back has not done the later steps"
    assert kept.best.exists()
    kept.write(saved(3, 0.4), is_best=False)
    assert not kept.best.exists()
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint.pt",
        "checkpoint-00000003.pt",
    }


def test_a_half_written_checkpoint_never_shows(tmp_path: Path) -> None:
    from recipe import checkpoint

    path = tmp_path / "checkpoint.pt"
    checkpoint.write(path, {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.write(path, {"step": lambda: 2})
    assert checkpoint.read(path) == {"step": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    from recipe import checkpoint
    from recipe.errors import UserError

    path = tmp_path / "checkpoint.pt"
    torch.save([torch.ones(1)], path)
    others = [path.read_bytes(), b"", b"no checkpoint"]
    checkpoint.write(path, {"step": 1})
    whole = path.read_bytes()
    for content in (*others, *(whole[:end] for end in range(0, len(whole), 50))):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"checkpoint\.pt is no checkpoint"):
            checkpoint.read(path)
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        with suppress(UserError):  # or what is broken is not read
            checkpoint.read(path)


@pytest.mark.long
def test_a_run_that_diverges_says_where_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from recipe.errors import UserError

    def diverged(*options: object) -> str:
        with pytest.raises(UserError) as error:
            example("train", *shared, *options)
        return str(error.value)

    shared = (*of("small", TINY), "--save-every", 2, "--out", tmp_path)
    assert "start anew (--fresh) with a lower --lr" in diverged("--lr", "1e8")
    example("train", *shared, "--fresh", "--stop-at", 6)
    assert "the same command with a lower --lr goes on from step 6" in diverged("--lr", "1e8")
    (tmp_path / "checkpoint.pt").unlink()
    torch.save(
        state(tmp_path, "checkpoint-00000006.pt") | {"loss": 1e9}, tmp_path / "checkpoint.pt"
    )
    (tmp_path / "checkpoint-00000006.pt").unlink()
    (tmp_path / "best.pt").unlink()
    command = diverged("--lr", "1e8").split("`")[1].split()
    assert command == ["mv", f"{tmp_path}/checkpoint-00000004.pt", f"{tmp_path}/checkpoint.pt"]
    shutil.move(*command[1:])
    example("train", *shared, "--lr", "0.001", "--momentum", "0.8")
    printed = capsys.readouterr().out
    assert "going on with another --lr: 0.001, until now 0.02" in printed
    assert "going on with another --momentum: 0.8, until now 0.9" in printed
    groups = state(tmp_path)["optimizer"]["param_groups"]
    assert {group["momentum"] for group in groups} == {0.8}
    assert state(tmp_path)["history"][-1]["lr"] == 0.001


def test_a_run_goes_on_with_as_many_images(tmp_path: Path) -> None:
    from recipe.errors import UserError

    example("train", *TINY, "--stop-at", 1, "--out", tmp_path)
    kept = tmp_path / "checkpoint.pt"
    torch.save(state(tmp_path) | {"images": 1436}, kept)
    with pytest.raises(UserError, match="is of 1,436 images, and the data have 1,437, which come"):
        example("train", *TINY, "--out", tmp_path)


@pytest.mark.parametrize(
    "options, reason",
    [
        (("--seed", "1"), "--seed was 0 and is 1"),
        (("--batch", "8"), "--batch was 16 and is 8"),
        (("--set", "classes=11"), "of another network"),
        (("--spec", str(EXAMPLES / "small_bn.yaml")), "of another network"),
        (("--data", "parity", "--set", "classes=10"), "of other classes"),
    ],
)
def test_a_run_goes_on_only_as_what_it_was(
    options: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    from recipe.errors import UserError

    example("train", *TINY, "--stop-at", 1, "--out", tmp_path)
    with pytest.raises(UserError, match=reason):
        example("train", *TINY, *options, "--out", tmp_path)
