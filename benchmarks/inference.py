"""How fast networks run, as written and optimised, as ratios of things measured side by side.

    python benchmarks/inference.py [SPEC ...]

1. Each spec (by default GoogLeNet and four of its readers' networks) and what `netspec optimize`
   makes of it for the engine, by every engine that is installed, with one and two threads, one
   image, float32: how often as fast as the eager module of the spec as written, and the share of
   the operations of a matrix product that its multiply-adds are. Weights are carried over, and
   outputs compared.
2. The eager modules against one written by hand (`tests/reference/googlenet.py`): inference, and a
   step of training, the emitted module as it is, with its channels last, and both compiled.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import netspec
from netspec.analysis.network import Network
from netspec.runtime.bench import ENGINES, Case, Limits, Measurement, Subject, bench, unavailable
from netspec.runtime.module import disturbed, forms
from netspec.runtime.weights import written

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
SPECS = ("googlenet", "googlenet_bn", "inception_v3", "resnet50", "mobilenet_v2")
THREADS = (1, 2)
ROUNDS = 15


def subjects(
    path: Path, engines: Sequence[str], folder: Path
) -> tuple[Subject, dict[str, Subject]]:
    """Return a spec as written, and optimised for each engine, with the same weights."""
    net = netspec.load(path)
    state = disturbed(net.build(), forms(net.network)).state_dict()

    def subject(network: Network, end: str, tensors: Mapping[str, Tensor]) -> Subject:
        file = folder / f"{path.stem}{end}.pt"
        file.write_bytes(written(tensors, "pt"))
        return Subject(path.stem, network, str(file))

    plain, found = subject(net.network, "", state), {}
    for engine in engines:
        fast = net.optimize(engine=engine)
        made = subject(fast.network, f"_{engine}", fast.convert(state))
        found[engine] = replace(made, like=plain)
    return plain, found


def table(path: Path, folder: Path) -> Iterator[str]:
    """Yield a line for each engine and number of threads."""
    engines = [name for name in ENGINES if not unavailable(name, "float32")]
    plain, fast = subjects(path, engines, folder)
    pairs = [(engine, threads) for threads in THREADS for engine in engines]
    cases = [Case(subject, *pair) for pair in pairs for subject in (plain, fast[pair[0]])]
    found, limits = bench(cases, ROUNDS)
    by_case = {(x.case.subject is not plain, x.case.engine, x.case.threads): x for x in found}
    for engine, threads in pairs:
        eager = by_case[False, "eager", threads]
        both = [by_case[is_fast, engine, threads] for is_fast in (False, True)]
        yield f"{path.stem:<14} {threads} {engine:<12}" + row(both, eager, limits[threads])


def row(both: Sequence[Measurement], eager: Measurement, limits: Limits) -> str:
    if problems := [x.error or f"differs by {x.difference:.1e}" for x in both if not x.seconds]:
        return f"  {problems[0]}"
    work = both[0].case.subject.flops  # of the network as written, also for the optimised one
    texts = [
        f"{x.times_as_fast_as(eager):5.2f} · {work / limits.flops / min(x.seconds):4.0%}"
        for x in both
    ]
    gain = both[1].times_as_fast_as(both[0])
    return f"  {texts[0]} → {texts[1]}   optimised {gain:.2f} times as fast"


def timed(calls: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return the seconds of calls that are made in turn, after two of each that do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(-2, rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def by_hand() -> Iterator[str]:
    """Yield lines about the module that a person wrote."""
    from tests.reference.googlenet import GoogLeNet

    net = netspec.load(ROOT / "specs" / "googlenet.yaml")
    for threads in THREADS:
        torch.set_num_threads(threads)
        image = torch.randn(1, 3, 224, 224)
        hand, ours, fast = (x.eval() for x in (GoogLeNet(), net.build(), net.optimize().build()))
        with torch.inference_mode():
            models = {"by hand": hand, "as emitted": ours, "optimised": fast}
            yield from _lines(
                f"inference, {threads}", {k: _call(m, image) for k, m in models.items()}
            )
    images, labels = torch.randn(16, 3, 224, 224), torch.randint(1000, (16,))
    last = net.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    models = {"by hand": GoogLeNet(), "as emitted": net.build()}
    calls = {name: _step(model, images, labels) for name, model in models.items()}
    moved = images.to(memory_format=torch.channels_last)
    yield from _lines("training, 2", calls | {"channels last": _step(last, moved, labels)}, 5)
    compiled = {
        f"{name}, compiled": _step(torch.compile(model), images, labels)
        for name, model in models.items()
    }
    yield from _lines("training, 2", compiled, 5)


def _call(model: nn.Module, image: Tensor) -> Callable[[], Any]:
    return lambda: model(image)


def _step(model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], Any]:
    """Return a step of gradient descent on the main output and the heads."""
    optimizer = torch.optim.SGD(model.train().parameters(), lr=0.01, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        logits, *heads = model(images)
        loss = nn.functional.cross_entropy(logits, labels)
        for head in heads:
            loss = loss + 0.3 * nn.functional.cross_entropy(head, labels)
        loss.backward()
        optimizer.step()

    return step


def _lines(what: str, calls: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> Iterator[str]:
    seconds = timed(calls, rounds)
    hand = next(iter(seconds.values()))
    for name, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(hand, found, strict=True))
        milliseconds = 1000 * statistics.median(found)
        yield f"googlenet {what} threads: {name:<14} {milliseconds:7.1f} ms  {ratio:.2f} times"


def main() -> None:
    paths = [Path(text) for text in sys.argv[1:]]
    paths = paths or [ROOT / "specs" / f"{name}.yaml" for name in SPECS]
    for line in by_hand():
        print(line, flush=True)
    print("spec           threads         as written → optimised: times eager · share of the peak")
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            for line in table(path, Path(folder)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
