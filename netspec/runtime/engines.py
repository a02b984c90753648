"""What runs a network: each engine with the settings that its own makers offer, none of ours."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.runtime.module import listed

if TYPE_CHECKING:
    from torch import Tensor, nn

Run = Callable[[Sequence["Tensor"]], list[Any]]
FLOAT, HALF, INTEGER = "float32", "bf16", "int8"
DTYPES = (FLOAT, HALF, INTEGER)


@dataclass(frozen=True, slots=True)
class Job:
    """A module in evaluation, inputs like those it will get, and how it is to run.

    `typical` are inputs from which a quantiser learns the ranges of values.
    """

    module: nn.Module
    given: tuple[Tensor, ...]
    threads: int
    dtype: str
    typical: Sequence[tuple[Tensor, ...]]


class Engine(NamedTuple):
    """An engine: the extras that it needs, the types it computes in, and how it takes a module."""

    needs: tuple[str, ...]
    dtypes: tuple[str, ...]
    prepare: Callable[[Job], Run]


def _eager(job: Job) -> Run:
    return _torch(job.module, job.dtype)


def _torch(module: Callable[..., Any], dtype: str) -> Run:
    import torch

    def run(given: Sequence[Tensor]) -> list[Any]:
        is_half = dtype == HALF
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            return [tensor.float() for tensor in listed(module(*given))]

    return run


def _compile(job: Job) -> Run:
    import torch
    from torch import _dynamo, _inductor

    # Frozen weights are constants, which the compiler packs for its convolutions.
    _inductor.config.freezing = True
    # Each batch of each network is compiled for itself, and none is to run uncompiled unnoticed.
    _dynamo.config.recompile_limit = 1000
    module = torch.compile(job.module, fullgraph=True, dynamic=False)
    return _torch(module, job.dtype)


def _onnx(job: Job) -> bytes:
    """Return the module as an ONNX model for inputs of just this batch, quantised if asked for."""
    import torch

    written = torch.onnx.export(job.module, job.given, dynamo=True, verbose=False)
    assert written is not None
    data: bytes = written.model_proto.SerializeToString()
    return _quantised(data, job) if job.dtype == INTEGER else data


def _quantised(data: bytes, job: Job) -> bytes:
    """Return a model as ONNX Runtime's static quantiser makes it, in int8 with its defaults."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    names = [given.name for given in onnx.load_from_string(data).graph.input]
    feeds = (dict(zip(names, (x.numpy() for x in given), strict=True)) for given in job.typical)

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
        def get_next(self) -> Any:
            return next(feeds, None)

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(data)
        signed = QuantType.QInt8
        quantize_static(
            source, target, Reader(), per_channel=True, activation_type=signed, weight_type=signed
        )
        return target.read_bytes()


def _onnxruntime(job: Job) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = job.threads, 1
    # Threads that went on waiting behind a run would take the time of what is measured next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(_onnx(job), options, ["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(given: Sequence[Tensor]) -> list[Any]:
        feed = {name: tensor.numpy() for name, tensor in zip(names, given, strict=True)}
        return list(session.run(None, feed))

    return run


def _openvino(job: Job) -> Run:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": job.threads,
        "PERFORMANCE_HINT": "LATENCY",
        # Left to itself it computes in bf16 where the processor can.
        "INFERENCE_PRECISION_HINT": "bf16" if job.dtype == HALF else "f32",
    }
    core = openvino.Core()
    request = core.compile_model(
        core.read_model(_onnx(job)), "CPU", settings
    ).create_infer_request()

    def run(given: Sequence[Tensor]) -> list[Any]:
        found = request.infer([tensor.numpy() for tensor in given], share_inputs=True)
        return list(found.values())

    return run


ENGINES: Mapping[str, Engine] = {
    "eager": Engine(("torch",), (FLOAT, HALF), _eager),
    "compile": Engine(("torch",), (FLOAT, HALF), _compile),
    "onnxruntime": Engine(("torch", "onnx"), (FLOAT, INTEGER), _onnxruntime),
    # Its own quantiser is a package beside it; it runs what ONNX Runtime's makes.
    "openvino": Engine(("torch", "onnx", "openvino"), DTYPES, _openvino),
}
