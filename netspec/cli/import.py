"""`netspec import`: write the spec of a network that is there in another form."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from netspec.analysis.network import Network
from netspec.cli.arguments import add_output
from netspec.cli.common import stamps_of, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.show import tell
from netspec.language.project import stamp
from netspec.text.diagnostics import escape
from netspec.text.plain import number

if TYPE_CHECKING:
    from torch import Tensor


class Found(NamedTuple):
    """A network, and its weights if the source has them."""

    network: Network
    weights: Mapping[str, Tensor] | None = None


def add(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source",
        help="torch:PACKAGE.MODULE:FACTORY(ARGUMENTS), whose Python it runs, a .pt2 file of "
        "torch.export, or an .onnx file",
    )
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
            raise FileNotFoundError(f"there is no file {options.source}")
        stamps_of(options)[options.source] = stamp(options.source)
    found = READERS[kind](options)
    text = found.network.spec.source.text
    data = _weights(options, found) if options.weights else b""
    write(options, options.output, text.encode(), "spec")
    if options.weights:
        write(options, options.weights, data, "tensors")
    return 0


def _weights(options: Namespace, found: Found) -> bytes:
    from netspec.runtime.weights import written

    kind = Path(options.weights).suffix[1:]
    if kind not in ("safetensors", "pt", "pth"):
        raise Failure(
            f"--weights: {options.weights} ends in none of .safetensors, .pt, .pth", Exit.USAGE
        )
    if found.weights is None:
        raise Failure(f"{options.source} has no weights", Exit.USAGE)
    return written(found.weights, kind)


def _module(options: Namespace) -> Found:
    """Make a module by the user's own Python, and read it."""
    from netspec.importer.torch_source import BadSource, factory
    from netspec.runtime.installed import require

    require("reading a PyTorch module", ["torch"])
    try:
        made = factory(options.source.partition(":")[2])
        tell(f"netspec: running {escape(made.module)}:{escape(made.name)}")
        model = made.made()
    except BadSource as error:
        raise Failure(str(error), Exit.USAGE) from None
    except Exception as error:  # whatever the user's own Python raises
        message = f"{options.source} raises {type(error).__name__}: {error}"
        raise Failure(message, Exit.USAGE) from None
    import torch

    from netspec.importer.torch import import_module

    inputs = [torch.zeros(2, *shape) for shape in options.input or [(3, 224, 224)]]
    doc = f"Imported from {options.source}"
    return Found(import_module(model, inputs, _name(options, made.name), doc), model.state_dict())


def _program(options: Namespace) -> Found:
    """Read an exported program."""
    from netspec.importer.torch import import_program
    from netspec.importer.torch_source import program
    from netspec.runtime.installed import require

    require("reading an exported program", ["torch"])
    try:
        read = program(options.source)
    except ValueError as error:
        raise Failure(str(error), Exit.USAGE) from None
    doc = f"Imported from {Path(options.source).name}"
    return Found(*import_program(read, _name(options, Path(options.source).stem), doc))


def _name(options: Namespace, text: str) -> str:
    from netspec.importer.torch import class_name

    if options.name and class_name(options.name) != options.name:
        help = f"for example `{class_name(options.name)}`"
        raise Failure(f"--name: `{options.name}` cannot be a network's name; {help}", Exit.USAGE)
    words = text.rpartition(".")[2].split("_")
    return options.name or class_name("".join(word[:1].upper() + word[1:] for word in words))


def _onnx(options: Namespace) -> Found:
    """Read an ONNX file, and tell what its exporter has lost."""
    from netspec.importer.onnx import import_graph
    from netspec.importer.onnx_file import read
    from netspec.importer.onnx_names import network_of
    from netspec.runtime.installed import require

    require("reading an ONNX file", ["onnx"])
    graph = read(options.source)
    name = _name(options, network_of(graph.nodes) or Path(options.source).stem)
    found = import_graph(graph, name, options.input or ())
    for note in found.notes:
        tell(f"netspec: {note}")
    if not options.weights:
        return Found(found.network, {})
    require("writing weights", ["torch"])
    import torch

    return Found(found.network, {k: torch.from_numpy(x.copy()) for k, x in found.state.items()})


READERS: dict[str, Callable[[Namespace], Found]] = {
    "torch": _module,
    ".pt2": _program,
    ".onnx": _onnx,
}
"""What reads a source: by what stands before the colon, or by the end of the file's name."""
