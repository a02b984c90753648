"""What compiling costs, as ratios of things measured side by side in one run.

    python benchmarks/compile.py

1. CPU time of `netspec check specs/googlenet.yaml` over that of importing what it is built on, and
   of a `check` of 100,000 lines `cN: relu` over 10,000 of them; how many GoogLeNets of a sweep one
   core compiles in a minute.
2. CPU time of building ResNet-152 over building ResNet-18.
3. CPU time of check and build for specs of 10,000 (and 50,000) layers over 1,000: flat, in nested
   blocks, and wide. A ratio near the ratio of the lengths means time proportional to length.
4. CPU time of every way to write a network of 90,000 layers from 700 bytes over that of a tenth of
   it, and over that of its `check`.
5. From a save to what `check --watch` prints, over the CPU time of a `check` of its own.
6. CPU time of checking a chain of linear layers over that of the tools that are nearest, each in
   its own language and by its own command, where they are installed: n-orca, NNEF, torchinfo.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
BASELINE = """\
import argparse, yaml, networkx
from pydantic import BaseModel
class Model(BaseModel):
    x: int
"""
RUNS = 9
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Modules are compiled once, as where netspec is installed."""


def cpu(command: list[str]) -> float:
    """Return the CPU seconds of a command, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet = subprocess.DEVNULL
    subprocess.run(command, check=True, stdout=quiet, stderr=quiet, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def paired(left: list[str], right: list[str], runs: int = RUNS) -> tuple[float, float, float]:
    """Return the median CPU seconds of two commands run in turn, and of their ratio."""
    cpu(left), cpu(right)
    pairs = [(cpu(left), cpu(right)) for _ in range(runs)]
    ratio = statistics.median(a / b for a, b in pairs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio


def spec(kind: str, layers: int) -> str:
    """Return a spec of about so many layers: deep (flat chain), nested, wide, or only `relu`."""
    head = "netspec: 1\nname: Big\ninputs: {image: [8, 16, 16]}\n"
    if kind == "relu":
        lines = (f"  c{i}: relu" for i in range(layers))
        return f"{head}graph:\n" + "\n".join(lines) + f"\noutputs: {{result: c{layers - 1}}}\n"
    if kind == "deep":
        lines = (f"  l{i}: {{conv2d: [8, 3], padding: 1}}" for i in range(layers))
        return f"{head}graph:\n" + "\n".join(lines) + f"\noutputs: {{result: l{layers - 1}}}\n"
    if kind == "wide":
        lines = (f"    - l{i}: {{conv2d: [8, 1]}}" for i in range(layers))
        body = "graph:\n  all:\n    parallel:\n" + "\n".join(lines) + "\n    join: add\n"
        return f"{head}{body}outputs: {{result: all}}\n"
    block = "blocks:\n  Pair: {chain: {conv: {conv2d: [8, 3], padding: 1}, relu: relu}}\n"
    block += "  Ten: {chain: {pairs: {Pair: [], repeat: 5}}}\n"
    lines = (f"  l{i}: Ten" for i in range(layers // 10))
    return (
        f"{head}{block}graph:\n"
        + "\n".join(lines)
        + f"\noutputs: {{result: l{layers // 10 - 1}}}\n"
    )


def _relu_line(folder: Path) -> str:
    """Compare checks of the shortest lines there are."""
    commands = []
    for layers in (100_000, 10_000):
        path = folder / f"relu{layers}.yaml"
        path.write_text(spec("relu", layers))
        commands.append([sys.executable, "-m", "netspec", "check", str(path)])
    long, short, ratio = paired(commands[0], commands[1])
    return f"check relu     10,000: {short:5.2f} s   100,000: {long:5.2f} s = {ratio:4.1f} times"


def sweeping(count: int = 400) -> str:
    """Say how many networks of a grid are compiled and counted in a minute of one core."""
    from netspec import sweep

    before = time.process_time()
    sweep(
        ROOT / "specs" / "googlenet_width.yaml", width=[(count + i) / count for i in range(count)]
    )
    return f"sweep googlenet: {60 * count / (time.process_time() - before):,.0f} networks a minute"


def growth(folder: Path) -> Iterator[str]:
    for kind in ("deep", "nested", "wide"):
        for layers in (1_000, 10_000, 50_000):
            (folder / f"{kind}{layers}.yaml").write_text(spec(kind, layers))
        for command in ("check", "build"):
            yield _growth_line(folder, kind, command)


def _growth_line(folder: Path, kind: str, command: str) -> str:
    def line(layers: int) -> list[str]:
        extra = ["-o", str(folder / "out.py")] if command == "build" else []
        return [
            sys.executable,
            "-m",
            "netspec",
            command,
            str(folder / f"{kind}{layers}.yaml"),
            *extra,
        ]

    ten, one, ratio = paired(line(10_000), line(1_000), 3)
    fifty = cpu(line(50_000))
    return (
        f"{command:<6} {kind:<7} 1,000: {one:5.2f} s   10,000: {ten:5.2f} s = {ratio:4.1f} times   "
        f"50,000: {fifty:5.2f} s = {fifty / one:4.1f} times"
    )


def expanding(levels: int) -> str:
    """Return 9 times 10 to the power of `levels` layers, as blocks of ten uses of blocks."""
    head = "netspec: 1\nname: Big\ninputs: {image: [8, 16, 16]}\nblocks:\n"
    text = head + "  B0: {chain: {conv: {conv2d: [8, 3], padding: 1}}}\n"
    for level in range(1, levels + 1):
        uses = ", ".join(f"u{i}: B{level - 1}" for i in range(10))
        text += f"  B{level}: {{chain: {{{uses}}}}}\n"
    graph = "".join(f"  l{i}: B{levels}\n" for i in range(9))
    return f"{text}graph:\n{graph}outputs: {{result: l8}}\n"


def expansion(folder: Path) -> Iterator[str]:
    """Compare each way to write a large network with a tenth of it, and with its check."""
    for levels in (3, 4):
        (folder / f"expanding{levels}.yaml").write_text(expanding(levels))
    ways: dict[str, list[str]] = {"check": [], "build": ["-o", str(folder / "out.py")]}
    ways |= {
        f"report {form}": ["--by", "layer", "--format", form] for form in ("text", "json", "csv")
    }
    ways |= {
        f"render {kind}": ["-o", str(folder / f"a.{kind}")]
        for kind in ("dot", "mmd", "html", "svg")
    }
    check = 0.0
    for way, extra in ways.items():
        large, small = (
            [sys.executable, "-m", "netspec", way.split()[0], str(folder / f"expanding{n}.yaml")]
            for n in (4, 3)
        )
        ten, one, ratio = paired([*large, *extra], [*small, *extra], 3)
        check = check or ten
        yield (
            f"{way:<12} 9,000: {one:5.2f} s   90,000: {ten:5.2f} s = {ratio:4.1f} times   "
            f"{ten / check:4.1f} times its check"
        )


def _depth_line(folder: Path) -> str:
    """Compare the deepest residual network with the shallowest."""

    def line(name: str) -> list[str]:
        spec = str(ROOT / "specs" / f"{name}.yaml")
        return [sys.executable, "-m", "netspec", "build", spec, "-o", str(folder / "out.py")]

    deep, shallow, ratio = paired(line("resnet152"), line("resnet18"), 5)
    return f"build resnet152: {deep:.2f} s CPU; resnet18: {shallow:.2f} s = {ratio:.2f} times"


def watching(folder: Path, check: float) -> str:
    """Compare the time from a save to the answer with the CPU seconds of a check."""
    path = folder / "net.yaml"
    text = (ROOT / "specs" / "googlenet.yaml").read_text()
    path.write_text(text)
    command = [sys.executable, "-m", "netspec", "check", "--watch", str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True) as watcher:
        assert watcher.stdout
        watcher.stdout.readline()
        taken = []
        for i in range(11):
            time.sleep(0.1)
            path.write_text(f"{text}# {i}\n")
            saved = time.monotonic()
            watcher.stdout.readline()
            taken.append(time.monotonic() - saved)
        watcher.kill()
    median = statistics.median(taken)
    return f"save to print: {median * 1000:.0f} ms = {median / check:.2f} times a check of its own"


def linear(kind: str, layers: int) -> str:
    """Return a chain of linear layers of 64 features, as a tool of its `kind` reads it."""
    numbers = range(layers)
    if kind == "netspec":
        lines = "".join(f"  l{i}: {{linear: 64}}\n" for i in numbers)
        head = "netspec: 1\nname: Big\ninputs: {x: [64]}\ngraph:\n"
        return f"{head}{lines}outputs: {{y: l{layers - 1}}}\n"
    if kind == "n_orca":
        names = ["x", *(f"l{i}" for i in numbers), "y"]
        ops = "".join(f"## layer l{i}\n- op: Linear(64, 64)\n" for i in numbers)
        flow = "".join(f"| {a} | {b} | t{i} |\n" for i, (a, b) in enumerate(pairwise(names)))
        tensors = (
            "## tensors\n| Name | Shape | Dtype |\n|---|---|---|\n| t0 | (B, 64) | float32 |\n"
        )
        head = f"# architecture Big\n\n{tensors}\n## layer x [input]\n{ops}## layer y [output]\n"
        return f"{head}\n## flow\n\n| Source | Target | Tensor |\n|---|---|---|\n{flow}"
    if kind == "nnef":
        lines = "".join(
            f"w{i} = variable<scalar>(shape = [64, 64], label = 'w{i}');\n"
            f"t{i + 1} = linear(t{i}, w{i}, 0.0);\n"
            for i in numbers
        )
        start = "t0 = external<scalar>(shape = [1, 64]);\n"
        return f"version 1.0;\ngraph Big( t0 ) -> ( t{layers} )\n{{\n{start}{lines}}}\n"
    module = f"torch.nn.Sequential(*(torch.nn.Linear(64, 64) for _ in range({layers})))"
    return f"import torch, torchinfo\ntorchinfo.summary({module}, (1, 64), verbose=1)\n"


def beside(folder: Path, layers: int = 800) -> Iterator[str]:
    """Compare a check with what other tools take to check as much."""
    orders = {
        "netspec": ("big.yaml", ["-m", "netspec", "check"]),
        "n_orca": ("big.n.orca.md", ["-m", "n_orca.cli.main", "verify"]),
        "nnef": ("big.nnef", ["-m", "nnef.validate", "--shapes"]),
        "torchinfo": ("big.py", []),
    }
    commands = {}
    for kind, (name, order) in orders.items():
        (folder / name).write_text(linear(kind, layers))
        commands[kind] = [sys.executable, *order, str(folder / name)]
    for kind, command in list(commands.items())[1:]:
        if importlib.util.find_spec(kind) is None:
            yield f"beside {kind}: not installed"
            continue
        ours, theirs, ratio = paired(commands["netspec"], command, 5)
        yield f"{layers} linear layers: {ours:.2f} s   {kind}: {theirs:.2f} s   {ratio:.2f} times"


def main() -> None:
    check = [sys.executable, "-m", "netspec", "check", str(ROOT / "specs" / "googlenet.yaml")]
    ours, base, ratio = paired(check, [sys.executable, "-c", BASELINE])
    print(
        f"check googlenet: {ours * 1000:.0f} ms CPU; importing its libraries: {base * 1000:.0f} ms"
    )
    print(f"ratio (median of {RUNS} pairs): {ratio:.2f}")
    print(sweeping())
    with tempfile.TemporaryDirectory() as folder:
        print(_relu_line(Path(folder)))
        print(watching(Path(folder), ours))
        print(_depth_line(Path(folder)))
        for part in (beside, growth, expansion):
            for line in part(Path(folder)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
