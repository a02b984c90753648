"""A network as a file for other programs, which gives what the module gives or is not made.

ONNX by torch's exporter, checked by `onnx` and run by ONNX Runtime; the exported program of
torch.export; a package of AOTInductor, which a C++ program loads. All three begin with the same
exported program, and each is read back from its bytes and run beside the module.
"""

from __future__ import annotations

import io
import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.analysis.network import Network
from netspec.runtime.module import difference, forms, listed, samples
from netspec.version import __version__

if TYPE_CHECKING:
    import onnx
    from torch import Tensor, nn
    from torch.export import ExportedProgram

TOLERANCE = 1e-4
"""The largest difference allowed, as a share of the largest output."""
_NAME = "netspec.json"
Run = Callable[[Sequence["Tensor"]], list[Any]]


class ExportError(Exception):
    """What an exporter refuses, or a file that does not give what the module gives."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported: a network, its module in evaluation, and the batch, None if any.

    `facts` go into the file beside those of the network.
    """

    network: Network
    module: nn.Module
    batch: int | None = 1
    facts: Mapping[str, str] | None = None

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs of inference."""
        return [out.name for out in self.network.graph.outputs if not out.train_only]

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says about the network; shapes are JSON, without the batch."""
        graph = self.network.graph
        shapes = {out.name: self.network.shapes[out.node] for out in graph.outputs}
        return {
            "name": self.network.spec.name,
            "inputs": json.dumps({name: shape for (name,), shape in graph.inputs.items()}),
            "outputs": json.dumps({name: shapes[name] for name in self.outputs}),
            "parameters": json.dumps(dict(graph.params)),
            "spec_sha256": self.network.digest,
            "generator": f"netspec {__version__}",
            **(self.facts or {}),
        }


class Format(NamedTuple):
    """A format of files: the extras that it needs, how it is written, and how a file is run."""

    needs: tuple[str, ...]
    write: Callable[[Export, ExportedProgram], bytes]
    read: Callable[[bytes], Run]


def export(this: Export, format: str) -> bytes:
    """Return a network as a file of one of FORMATS. Raises ExportError.

    The file gives what the module gives, or else there is none.
    """
    import torch

    kind = FORMATS[format]
    with _quietly(), torch.no_grad():
        try:
            data = kind.write(this, _program(this))
            run = kind.read(data)
        except Exception as error:  # an exporter raises what it likes
            text = str(error).strip().partition("\n")[0]
            message = f"cannot be exported as {format}: {type(error).__name__}: {text}"
            raise ExportError(message) from error
        for batch in (this.batch,) if this.batch else (1, 2, 3):
            _compare(this, run, batch)
    return data


@contextmanager
def _quietly() -> Iterator[None]:
    """Let exporters say nothing: what they warn of is theirs, and what differs is told."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _program(this: Export) -> ExportedProgram:
    from torch.export import Dim, export
    from torch.utils._pytree import tree_structure

    given = samples(forms(this.network), this.batch or 2)
    free = tuple({0: Dim("batch")} for _ in given) if this.batch is None else None
    program = export(this.module, given, dynamic_shapes=free)
    for module in program.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            node.meta.pop("stack_trace", None)  # which holds paths of this machine
    signature = program.module_call_graph[0].signature
    if signature and not signature.out_spec.is_leaf():
        # Where the file is read, the generated class of several outputs is unknown.
        signature.out_spec = tree_structure((0,) * signature.out_spec.num_leaves)
    return program


def _compare(this: Export, run: Run, batch: int) -> None:
    """Raise ExportError if a file does not give what the module gives."""
    given = samples(forms(this.network), batch)
    found = difference(listed(this.module(*given)), run(given))
    if found > TOLERANCE:
        message = f"the file differs from the module by {found:.1e} of the largest output"
        raise ExportError(f"{message}, at a batch of {batch}; at most {TOLERANCE:.0e} is rounding")


# ---------------------------------------------------------------------- ONNX


def _write_onnx(this: Export, program: ExportedProgram) -> bytes:
    data: bytes = to_onnx(this, program).SerializeToString(deterministic=True)
    return data


def to_onnx(this: Export, program: ExportedProgram) -> onnx.ModelProto:
    """Return an exported program as a checked ONNX model, with the spec's names and no paths."""
    import onnx
    import torch

    names = [name for (name,) in this.network.graph.inputs]
    written = torch.onnx.export(
        program, dynamo=True, input_names=names, output_names=this.outputs, verbose=False
    )
    assert written is not None
    model: onnx.ModelProto = written.model_proto
    graph = model.graph
    for values in (graph.node, graph.input, graph.output, graph.value_info, graph.initializer):
        for value in values:
            del value.metadata_props[:]
    del graph.metadata_props[:], model.metadata_props[:]
    # The mark of netspec's files is the name of their producer.
    model.ClearField("producer_name")
    model.ClearField("producer_version")
    graph.name = this.network.spec.name
    model.doc_string = this.network.spec.doc
    onnx.helper.set_model_props(model, this.metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


def _run_onnx(data: bytes) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(given: Sequence[Tensor]) -> list[Any]:
        feed = {name: tensor.numpy() for name, tensor in zip(names, given, strict=True)}
        return list(session.run(None, feed))

    return run


# ---------------------------------------------------------------------- torch


def _write_program(this: Export, program: ExportedProgram) -> bytes:
    import torch

    buffer = io.BytesIO()
    extra = {_NAME: json.dumps(this.metadata, indent=2)}
    torch.export.save(program, buffer, extra_files=extra)
    return buffer.getvalue()


def _run_program(data: bytes) -> Run:
    import torch

    module = torch.export.load(io.BytesIO(data)).module()
    return lambda given: listed(module(*given))


def _write_package(this: Export, program: ExportedProgram) -> bytes:
    from torch._inductor import aoti_compile_and_package

    settings = {"aot_inductor.metadata": this.metadata}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.pt2"))
        aoti_compile_and_package(program, package_path=path, inductor_configs=settings)
        return Path(path).read_bytes()


def _run_package(data: bytes) -> Run:
    from torch._inductor import aoti_load_package

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.pt2")
        path.write_bytes(data)
        package = aoti_load_package(str(path))
    return lambda given: listed(package(*given))


FORMATS: Mapping[str, Format] = {
    "onnx": Format(("torch", "onnx"), _write_onnx, _run_onnx),
    "pt2": Format(("torch",), _write_program, _run_program),
    "aoti": Format(("torch",), _write_package, _run_package),
}
