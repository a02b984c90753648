"""`netspec render`: draw a spec."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from netspec.analysis.network import Network
from netspec.cli.arguments import add_output, add_spec, add_watch, seconds, whole
from netspec.cli.common import compiled, kind_of, write
from netspec.cli.exits import Exit, Failure
from netspec.emit.figure.raster import PICTURES, RasterError, rasterise

FORMATS = ("svg", "png", "pdf", "dot", "mmd", "html")
PAGES = ("letter", "a4", "slide", "none")


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_watch(parser)
    add_output(parser, f"the picture: {', '.join(f'.{known}' for known in FORMATS)}")
    parser.add_argument(
        "--format", choices=FORMATS, help="what to write, whatever the name (standard output: svg)"
    )
    parser.add_argument("--depth", type=whole(0), help="close blocks below this level")
    parser.add_argument("--page", choices=PAGES, default="letter", help="what it is fitted to")
    parser.add_argument("--orientation", choices=("landscape", "portrait"), default="landscape")
    parser.add_argument("--theme", choices=("light", "dark", "print"), default="light")
    parser.add_argument(
        "--engine",
        choices=("page", "graphviz"),
        default="page",
        help="page needs no program; graphviz needs dot",
    )
    parser.add_argument("--timeout", type=seconds, default=30, help="seconds for the dot program")


def run(options: Namespace) -> int:
    kind = kind_of(options.output, FORMATS, ", or --format says it", options.format)
    write(options, options.output, _drawn(compiled(options), kind, options), kind)
    return 0


def _drawn(network: Network, kind: str, options: Namespace) -> bytes:
    match kind:
        case "mmd":
            from netspec.emit.mermaid import to_mermaid

            return to_mermaid(network, options.depth).encode()
        case "html":
            from netspec.emit.html import to_html

            return to_html(network).encode()
    if kind == "dot" or options.engine == "graphviz":
        return _graphviz(network, kind, options)
    from netspec.emit.figure.page import FigureError
    from netspec.emit.figure.svg import to_svg

    try:
        text = to_svg(network, options.page, options.orientation, options.depth, options.theme)
    except FigureError as error:
        raise Failure(str(error), Exit.USAGE) from None
    if kind not in PICTURES:
        return text.encode()
    try:
        return rasterise(text, kind)
    except RasterError as error:
        raise Failure(str(error), Exit.ENVIRONMENT) from None


def _graphviz(network: Network, kind: str, options: Namespace) -> bytes:
    from netspec.emit.dot import DotError, render_dot, to_dot

    text = to_dot(network, options.depth)
    if kind == "dot":
        return text.encode()
    try:
        return render_dot(text, kind, options.timeout)
    except DotError as error:
        raise Failure(str(error), Exit.ENVIRONMENT) from None
