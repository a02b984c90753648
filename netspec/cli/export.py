"""`netspec export`: write a network for other programs to run."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from netspec.analysis.network import Network
from netspec.cli.arguments import WRITTEN, add_imports, add_output, add_spec, group, whole
from netspec.cli.common import allow, compiled, kind_of, stamps_of, sums, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.progress import working
from netspec.cli.running import add_weights, module
from netspec.cli.show import tell
from netspec.language.project import stamp
from netspec.text import files
from netspec.text.plain import number

KINDS = ("onnx", "pt2", "aoti")


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_imports(parser)
    add_weights(parser)
    add_output(parser, "the file: .onnx, .pt2 (torch.export), .aoti or .aoti.pt2 (AOTInductor)")
    help = "what to write, whatever the name of FILE"
    group(parser, WRITTEN).add_argument("--format", choices=KINDS, help=help)
    help = "how many images it takes (1), or `dynamic`"
    parser.add_argument("--batch", type=_batch, default=1, metavar="N", help=help)
    parser.add_argument("--classes", metavar="FILE", help="the classes' names, one a line")
    for name in ("mean", "std"):
        help = f"the {name} by which images are normalised, one number a channel"
        parser.add_argument(f"--{name}", type=_numbers, metavar="A,B,C", help=help)
    parser.epilog = "The file is run beside the module before it is written."


def run(options: Namespace) -> int:
    kind = kind_of(options.output, KINDS, ", or --format says it", _wanted(options))
    network = compiled(options)
    facts = _facts(options, network)
    from netspec.runtime.export import FORMATS, Export, ExportError, export
    from netspec.runtime.installed import require

    require(f".{kind}", FORMATS[kind].needs)
    model = module(network, options.weights)
    if options.weights:
        stamps_of(options)[options.weights] = stamp(options.weights)
    else:
        tell("without --weights the network is exported as initialised")
    allow(options, Output(options.output, kind))
    try:
        with working(f"exporting {network.spec.name}"):
            data = export(Export(network, model, options.batch, facts), kind)
    except ExportError as error:
        raise Failure(f"{network.spec.name} {error}", Exit.BUG) from None
    write(options, Output(options.output, kind, data, sums(network)))
    return 0


def _wanted(options: Namespace) -> str | None:
    """Return the format that is named; of two suffixes the first says more."""
    is_package = options.output.lower().endswith(".aoti.pt2")
    wanted: str | None = options.format
    return wanted or ("aoti" if is_package else None)


def _batch(text: str) -> int | None:
    return None if text == "dynamic" else whole(1)(text)


def _numbers(text: str) -> list[float]:
    values = [number(part.strip()) for part in text.split(",")]
    if None in values:
        raise ArgumentTypeError(f"expected numbers with commas between, found `{text[:40]}`")
    return [float(value) for value in values if value is not None]


def _facts(options: Namespace, network: Network) -> dict[str, str]:
    """Return what is known beside the spec: names of classes, and how images are normalised."""
    facts = {}
    if options.classes:
        facts["classes"] = json.dumps(_classes(options.classes, network))
    channels = next(iter(network.graph.inputs.values()))[0]
    for name in ("mean", "std"):
        values = getattr(options, name)
        if values is not None and len(values) != channels:
            message = f"--{name} has {len(values)} numbers, an image {channels} channels"
            raise Failure(message, Exit.USAGE)
        if values is not None:
            facts[name] = json.dumps(values)
    return facts


def _classes(path: str, network: Network) -> list[str]:
    text = files.read(path).decode("utf-8", "replace")
    names = [line.strip() for line in text.splitlines() if line.strip()]
    outputs = [out for out in network.graph.outputs if not out.train_only]
    sizes = {out.name: network.shapes[out.node][0] for out in outputs}
    if len(names) not in sizes.values():
        told = ", ".join(f"`{name}` {size}" for name, size in sizes.items())
        raise Failure(f"{path} has {len(names)} names, the outputs have: {told}", Exit.USAGE)
    return names
