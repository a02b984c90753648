"""`netspec build`: write a spec as a PyTorch module."""

from __future__ import annotations

import difflib
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from netspec import __version__, files
from netspec.cli.common import WRONG, add_spec, add_watch, compiled
from netspec.emit.torch.module import HEADER, to_python
from netspec.network import Network


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_watch(parser)
    parser.add_argument(
        "-o", "--output", required=True, help="the Python file; - is standard output"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 with a diff if OUTPUT differs"
    )
    parser.add_argument(
        "--verify", action="store_true", help="run the module and compare it with what was inferred"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a file that netspec did not write"
    )
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
        raise files.Failure(str(error), files.USAGE) from None


def run(options: Namespace) -> int:
    network = _selected(compiled(options), options.features)
    source = to_python(network, __version__)
    if options.verify:
        _verify(network, source)
    old = _existing(options.output)
    if options.check:
        return _compare(old, source, options.output)
    if old and not old.startswith(HEADER) and not options.force:
        message = f"{options.output} was not written by netspec; --force replaces it"
        raise files.Failure(message, files.USAGE)
    files.write(options.output, source.encode())
    return 0


def _existing(path: str) -> str | None:
    """Return what an output file holds, None if it is not there or not a file."""
    if path == "-" or not Path(path).is_file():
        return None
    try:
        return Path(path).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise files.Failure(f"cannot read {path}: {error.strerror}", files.ENVIRONMENT) from None


def _compare(old: str | None, new: str, path: str) -> int:
    """Print how a file differs from what would be written."""
    if old == new:
        return 0
    before, after = (text.splitlines(keepends=True) for text in (old or "", new))
    lines = difflib.unified_diff(before, after, path, f"{path} (from the spec)")
    sys.stdout.writelines(line if line.endswith("\n") else line + "\n" for line in lines)
    print(f"netspec: {path} is not what the spec says; build it again", file=sys.stderr)
    return WRONG


def _verify(network: Network, source: str) -> None:
    from netspec.verify import verify

    if problems := verify(network, source):
        message = "the module differs from what was inferred:\n" + "\n".join(problems)
        raise files.Failure(message, 70)
    print(f"netspec: {network.spec.name} runs as inferred", file=sys.stderr)
