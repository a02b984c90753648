"""A process of its own that runs networks by one engine, and the other end of its pipe.

Orders and answers are lines of JSON. What is prepared stays, so that the calls of many workers can
be interleaved; a worker waits between them, and ends when its pipe is closed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from netspec.runtime.engines import ENGINES, Job, Run
from netspec.runtime.labelled import accuracy, read
from netspec.runtime.module import Form, difference, disturbed, listed, samples, seeded

if TYPE_CHECKING:
    from torch import Tensor, nn

_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from netspec.runtime.worker import serve; serve(sys.argv[2], int(sys.argv[3]))"
)
_SAMPLE = 0.01
"""Seconds that a sample takes at least, so that the clock is fine enough."""
_MOST_CALLS = 1000
_WARM = 3
_SIDE, _COPIED = 1024, 2**26
"""Of the matrices, and of the tensor, that measure the machine: 256 MiB of floats."""

Answer = dict[str, Any]


class EngineError(Exception):
    """What an engine, or its process, could not do; one line."""


class Worker:
    """The process of an engine with so many threads; close it by leaving its context."""

    def __init__(self, engine: str, threads: int) -> None:
        path = json.dumps(sys.path)
        # Isolated (-I), but with our own path: variables of the user do not change what is timed.
        words = [sys.executable, "-I", "-c", _CODE, path, engine, str(threads)]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed at the end of the context
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def ask(self, **order: object) -> Answer:
        """Return the answer to an order. Raises EngineError."""
        given, taken = self._process.stdin, self._process.stdout
        assert given and taken
        try:
            given.write(json.dumps(order) + "\n")
            given.flush()
            line = taken.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise EngineError(self._death())
        answer: Answer = json.loads(line)
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer

    def _death(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"its process ended with {ended}" + (f": {lines[-1]}" if lines else "")


# ---------------------------------------------------------------------- the child


def serve(engine: str, threads: int) -> None:
    """Answer orders from standard input until it ends."""
    # What libraries print goes elsewhere than the answers.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    server = _Server(engine, threads)
    for line in sys.stdin:
        try:
            answer = server.answer(json.loads(line))
        except Exception as error:  # an engine raises what it likes
            text = str(error).strip().partition("\n")[0]
            answer = {"error": f"{type(error).__name__}: {text}"}
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


class _Server:
    def __init__(self, engine: str, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._engine, self._threads = ENGINES[engine], threads
        self._cells: dict[str, tuple[Run, tuple[Tensor, ...], int]] = {}

    def answer(self, order: dict[str, Any]) -> Answer:
        match order["do"]:
            case "prepare":
                return self._prepare(order)
            case "time":
                return {"seconds": self._time(order["cell"])}
            case "drop":
                self._cells.pop(order["cell"], None)
                return {}
            case _:
                return _limits()

    def _prepare(self, order: dict[str, Any]) -> Answer:
        """Make a cell ready; say how its outputs differ from those of eager, and its accuracy."""
        inputs, batch = [(tuple(shape), dtype) for shape, dtype in order["inputs"]], order["batch"]
        module = _module(order, inputs)
        given = samples(inputs, batch)
        data = read(order["data"], inputs[0][0]) if order["data"] else None
        typical = [(images,) for images, _ in data.batches(batch, True)] if data else [given]
        wanted = _plain(_module(order["like"], inputs) if order["like"] else module, given)
        job = Job(module, given, self._threads, order["dtype"], typical or [given])
        run = self._engine.prepare(job)
        answer = {"difference": difference(wanted, run(given))}
        if data:
            answer["accuracy"] = accuracy(run, data, batch)
        for _ in range(_WARM):
            run(given)
        start = time.perf_counter()
        run(given)
        calls = int(_SAMPLE / max(time.perf_counter() - start, 1e-9)) + 1
        self._cells[order["cell"]] = run, given, min(calls, _MOST_CALLS)
        return answer

    def _time(self, cell: str) -> float:
        """Return the seconds of one call, the mean over a sample."""
        run, given, calls = self._cells[cell]
        run(given)  # another process has had the caches
        start = time.perf_counter()
        for _ in range(calls):
            run(given)
        return (time.perf_counter() - start) / calls


def _module(order: dict[str, Any], inputs: Sequence[Form]) -> nn.Module:
    module = seeded(order["source"], order["model"])
    if not order["weights"]:
        return disturbed(module, inputs)
    from netspec.runtime.weights import load_weights

    load_weights(module, order["weights"])
    return module


def _plain(module: nn.Module, given: tuple[Tensor, ...]) -> list[Tensor]:
    import torch

    with torch.inference_mode():
        return listed(module(*given))


def _limits() -> Answer:
    """Return what the machine does in a second: operations of a product, bytes of a copy."""
    import torch

    left, right = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    source, target = torch.zeros(_COPIED), torch.zeros(_COPIED)
    product = min(_seconds(lambda: torch.mm(left, right)) for _ in range(5))
    copy = min(_seconds(lambda: target.copy_(source)) for _ in range(2))
    return {"flops": 2 * _SIDE**3 / product, "bytes": 2 * 4 * _COPIED / copy}


def _seconds(act: Any) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
