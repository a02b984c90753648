"""`netspec build`: write a spec as a PyTorch module."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from netspec.analysis.network import Network
from netspec.cli.arguments import add_flag, add_imports, add_output, add_spec, add_watch
from netspec.cli.common import allow, compiled, sums, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.optimize import rewritten
from netspec.cli.outputs import Output
from netspec.cli.progress import working
from netspec.cli.show import say_difference, tell, warn
from netspec.emit.torch.module import to_python
from netspec.text import files
from netspec.text.diagnostics import escape
from netspec.version import __version__


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_imports(parser)
    add_watch(parser)
    add_output(parser, "the Python file")
    add_flag(parser, "--check", "write nothing; exit 1 with a diff if FILE differs")
    add_flag(
        parser, "--optimize", "write the module that `netspec optimize` would make of the spec"
    )
    add_flag(parser, "--verify", "run the module and compare it with what was inferred")
    parser.add_argument(
        "--features", metavar="A,B", help="return these layers' feature maps, and stop behind them"
    )


def _selected(network: Network, names: str | None) -> Network:
    if not names:
        return network
    from netspec.features import FeatureError, select

    try:
        return select(network, [name.strip() for name in names.split(",")])
    except FeatureError as error:
        raise Failure(str(error), Exit.USAGE) from None


def run(options: Namespace) -> int:
    network = _selected(compiled(options), options.features)
    tensors = None
    if options.optimize:
        network, found = rewritten(network)
        tensors = found.tensors
    source = to_python(network, __version__, tensors)
    if not options.check:
        allow(options, Output(options.output, "py"))
    if options.verify:
        _verify(network, source)
    if options.check:
        return _compare(_existing(options.output), source, options.output)
    write(options, Output(options.output, "py", source.encode(), sums(network)))
    return 0


def _existing(path: str) -> str | None:
    """Return what an output file holds, None if it is not there or not a file.

    Line ends are no difference: git checks the file out with CRLF on Windows.
    """
    if path == "-" or not Path(path).is_file():
        return None
    try:
        return Path(path).read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError as error:
        raise files.barred("read", path, error) from None


def _compare(old: str | None, new: str, path: str) -> int:
    """Print how a file differs from what would be written."""
    if old == new:
        return 0
    say_difference(old or "", new, path, "from the spec")
    warn(f"{escape(path)} is not what the spec says; build it again")
    return Exit.WRONG


def _verify(network: Network, source: str) -> None:
    from netspec.runtime.verify import verify

    with working(f"running {network.spec.name}"):
        problems = verify(network, source)
    if problems:
        raise Failure("the module differs from what was inferred:", Exit.BUG, tuple(problems))
    tell(f"{network.spec.name} runs as inferred")
