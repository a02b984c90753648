"""`netspec import`: write the spec of a network that exists in another form."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netspec import limits
from netspec.analysis.network import Network
from netspec.cli.arguments import add_output
from netspec.cli.common import allow, kind_of, stamps_of, sums, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.progress import working
from netspec.cli.running import WEIGHTS, python_module, reading
from netspec.cli.show import put, tell
from netspec.language.project import stamp
from netspec.text import files
from netspec.text.diagnostics import counted, escape
from netspec.text.plain import number

if TYPE_CHECKING:
    from torch import Tensor

    from netspec.importer.flat import Flat


class Found(NamedTuple):
    """A network, and its weights if the source has them.

    `remarks` are what a spec has no key for, `unused` the tensors that nothing has a place for.
    """

    network: Network
    weights: Mapping[str, Tensor] | None = None
    remarks: Sequence[str] = ()
    unused: Sequence[str] = ()


def add(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source",
        help="torch:PACKAGE.MODULE:FACTORY(ARGUMENTS), whose Python it runs, a .pt2 file of "
        "torch.export, Caffe's .prototxt, or an .onnx file",
    )
    parser.add_argument("tensors", nargs="?", help="the .caffemodel of a .prototxt")
    add_output(parser, "the spec")
    parser.add_argument("--name", help="the network's name (default: what the source calls it)")
    parser.add_argument(
        "--input",
        type=_shape,
        action="append",
        metavar="3x224x224",
        help="the shape of an input, without the batch; once for each (3x224x224)",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="where its weights go: .safetensors, .pt or .pth"
    )
    help = "print what was read, and what a spec has no key for"
    parser.add_argument("--report", choices=("json",), help=help)


def _shape(text: str) -> tuple[int, ...]:
    sizes = tuple(map(number, text.lower().replace("×", "x").split("x")))
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ArgumentTypeError(f"expected sizes such as 3x224x224, found `{text[:40]}`")
    return sizes  # type: ignore[return-value]  # integers, as checked


def run(options: Namespace) -> int:
    kind = options.source.partition(":")[0]
    kind = kind if kind in READERS else Path(options.source).suffix
    if kind not in READERS:
        known = "torch:PACKAGE.MODULE:FACTORY(), or a file: " + ", ".join([*READERS][1:])
        raise Failure(f"cannot tell the form of {options.source}; known are {known}", Exit.USAGE)
    if kind.startswith("."):
        if not Path(options.source).is_file():
            raise files.absent(options.source)
        stamps_of(options)[options.source] = stamp(options.source)
    if options.tensors and kind != ".prototxt":
        raise Failure(f"{options.source} has its weights inside of it", Exit.USAGE)
    if options.report and files.is_stream(options.output):
        raise Failure("--report and the spec cannot both go to standard output", Exit.USAGE)
    wanted = [Output(options.output, "spec")]
    wanted += (
        [Output(options.weights, kind_of(options.weights, WEIGHTS, ""))] if options.weights else []
    )
    allow(options, *wanted)
    with working(f"reading {options.source}"):
        found = READERS[kind](options)
    made = [
        wanted[0]._replace(data=found.network.spec.source.text.encode(), about=sums(found.network))
    ]
    if options.weights:
        data, about = _weights(options, found, wanted[1].kind), _held(found)
        made.append(wanted[1]._replace(data=data, about=about))
    write(options, *made)
    if options.report:
        put(_report(options, found), files.standard_output())
    return 0


def _report(options: Namespace, found: Found) -> str:
    """Return what was read as JSON."""
    totals = found.network.totals
    facts = {
        "source": options.source,
        "name": found.network.spec.name,
        "params": totals.inference.params,
        "train_params": totals.training.params,
        "macs": totals.inference.macs,
        "remarks": [*found.remarks],
        "unused": [*found.unused],
    }
    return f"{json.dumps(facts, indent=2)}\n"


def _weights(options: Namespace, found: Found, kind: str) -> bytes:
    from netspec.runtime.weights import written

    if found.weights is None:
        raise Failure(f"{options.source} has no weights", Exit.USAGE)
    with reading(options.weights):
        return written(found.weights, kind)


def _held(found: Found) -> str:
    return f"{counted(len(found.weights or ()), 'tensor')} of {found.network.spec.name}"


def _module(options: Namespace) -> Found:
    """Make a module by the user's own Python, and read it."""
    name, model = python_module(options.source)
    import torch

    from netspec.importer.torch import import_module, within_names

    if (named := within_names(model)) is not model:
        tell("a list has no names, so its keys begin with `layers.` here")
    inputs = [torch.zeros(2, *shape) for shape in options.input or [(3, 224, 224)]]
    doc = f"Imported from {options.source}"
    return Found(import_module(model, inputs, _name(options, name), doc), named.state_dict())


def _program(options: Namespace) -> Found:
    """Read an exported program."""
    from netspec.importer.torch import import_program
    from netspec.importer.torch_program import program
    from netspec.runtime.installed import require

    require("reading an exported program", ["torch"])
    try:
        read = program(options.source)
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from None
    doc = f"Imported from {Path(options.source).name}"
    return Found(*import_program(read, _name(options, Path(options.source).stem), doc))


def _prototxt(options: Namespace) -> Found:
    """Read a network of Caffe's."""
    from netspec.importer import caffe, prototxt
    from netspec.importer.spec import imported

    flat = caffe.read(
        prototxt.decode(files.read(options.source), options.source), options.input or ()
    )
    flat = replace(flat, name=_name(options, flat.name))
    network = imported(flat)
    if not options.tensors:
        return Found(network, remarks=flat.remarks)
    return Found(network, *_caffemodel(options, flat, network))


def _caffemodel(
    options: Namespace, flat: Flat, network: Network
) -> tuple[Mapping[str, Tensor], Sequence[str], Sequence[str]]:
    """Return the weights of a network, its remarks, and the tensors that it has no place for."""
    from netspec.importer.caffemodel import state
    from netspec.runtime.installed import require

    require("reading a .caffemodel", ["caffe"])
    stamps_of(options)[options.tensors] = stamp(options.tensors)
    try:
        weights, unused = state(
            flat, files.read(options.tensors, limits.TENSORS), network.tensors()
        )
    except ValueError as error:
        raise Failure(f"{options.tensors}: {error}", Exit.WRONG) from None
    return weights, flat.remarks, unused


def _name(options: Namespace, text: str) -> str:
    from netspec.importer.naming import network_name

    if options.name and network_name(options.name) != options.name:
        help = f"for example `{network_name(options.name)}`"
        raise Failure(f"--name: `{options.name}` cannot be a network's name; {help}", Exit.USAGE)
    words = text.rpartition(".")[2].split("_")
    return options.name or network_name("".join(word[:1].upper() + word[1:] for word in words))


def _onnx(options: Namespace) -> Found:
    """Read an ONNX file, and tell what its exporter has lost."""
    from netspec.importer.onnx import import_graph
    from netspec.importer.onnx_file import read
    from netspec.importer.onnx_names import network_of
    from netspec.runtime.installed import require

    require("reading an ONNX file", ["onnx"])
    graph = read(options.source)
    stem = Path(options.source).stem.replace(".", "_")
    name = _name(options, network_of(graph.nodes) or stem)
    found = import_graph(graph, name, options.input or ())
    for note in found.notes:
        tell(escape(note))
    if not options.weights:
        return Found(found.network, {}, found.notes)
    require("writing weights", ["torch"])
    import torch

    weights = {key: torch.from_numpy(array.copy()) for key, array in found.state.items()}
    return Found(found.network, weights, found.notes)


READERS: dict[str, Callable[[Namespace], Found]] = {
    "torch": _module,
    ".pt2": _program,
    ".prototxt": _prototxt,
    ".onnx": _onnx,
}
"""What reads a source: by what stands before the colon, or by the end of the file's name."""
