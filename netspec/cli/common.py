"""What the commands share: the way from a path to a network, and from what they made to a file."""

from __future__ import annotations

import gc
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from netspec.analysis.network import Network
from netspec.cli import outputs
from netspec.cli.exits import Exit, Failure, failure, is_broken
from netspec.cli.outputs import Output
from netspec.cli.own import own_ops
from netspec.cli.settings import settings
from netspec.cli.show import complain, show, warn
from netspec.cli.trusted import hint
from netspec.cli.watch import watch
from netspec.compiler import ParameterError, Prepared, compile_spec, prepare_spec
from netspec.language import shipped
from netspec.language.configured import PROJECT, Configured, configured, folder_of
from netspec.language.project import Project, Stamp, says_spec, stamp
from netspec.ops.base import REGISTRY
from netspec.text import files
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Source, SpecError, counted


def watched(options: Namespace, run: Callable[[Namespace], int]) -> NoReturn:
    """Run a command again and again. A wrong spec leaves what the last good one has written."""
    if "-" in (options.spec if isinstance(options.spec, list) else [options.spec]):
        raise Failure("--watch needs a file, not standard input", Exit.USAGE)
    # A process that runs for hours, unlike one command, makes cycles.
    gc.enable()
    is_first = True

    def once() -> Mapping[str, Stamp]:
        nonlocal is_first
        options.stamps = {}
        try:
            run(options)
        except (Failure, OSError) as error:
            if is_broken(error):
                raise  # it is what we print to that has broken, not a file that can be mended
            found = failure(error) if isinstance(error, OSError) else error
            # What is asked for is wrong from the start: no later save can mend that.
            if is_first and found.code == Exit.USAGE:
                raise
            complain(found)
        except SpecError as error:
            show(error.diagnostics, sys.stderr)
        is_first = False
        return stamps_of(options)

    watch(once)


def stamps_of(options: Namespace) -> dict[str, Stamp]:
    """Return the files that this run has read, as they were before."""
    stamps: dict[str, Stamp] = vars(options).setdefault("stamps", {})
    return stamps


def sums(network: Network) -> str:
    """Say in a few words what a network is: GoogLeNet, 6,998,552 parameters."""
    return f"{network.spec.name}, {counted(network.totals.inference.params, 'parameter')}"


def write(options: Namespace, *made: Output) -> None:
    """Write all that a command has made of the specs that it read, or nothing."""
    outputs.write(made, stamps_of(options), options.force)


def allow(options: Namespace, *wanted: Output) -> None:
    """Refuse files that cannot be written before time is spent on what they are to hold."""
    outputs.allow(wanted, stamps_of(options), options.force)


def kind_of(path: str, kinds: Sequence[str], option: str, wanted: str | None = None) -> str:
    """Return the format of an output: what is wanted, what its name says, or of a picture svg."""
    kind = wanted or Path(path).suffix.lstrip(".").lower()
    if kind in kinds:
        return kind
    if files.is_stream(path) and "svg" in kinds:
        return "svg"
    named = ", ".join(f".{known}" for known in kinds)
    message = f"cannot tell the format of {path}; its name ends in one of {named}{option}"
    raise Failure(message, Exit.USAGE)


def spec_files(options: Namespace, paths: Sequence[str]) -> list[str]:
    """Return the files among paths, and in place of a directory every *.yaml below it.

    With --only-specs, those that say that they are specs.
    """
    found: dict[str, None] = {}
    for path in paths:
        if path != "-" and Path(path).is_dir():
            found |= dict.fromkeys(_below(options, path))
        else:
            found[path] = None
    return [path for path in found if not options.only_specs or _is_spec(options, path)]


def _is_spec(options: Namespace, path: str) -> bool:
    """Say whether a file is a spec; what comes on standard input is taken for one."""
    if path == "-" or shipped.find(path):
        return True
    stamps_of(options)[path] = stamp(path)
    return says_spec(files.read(path).decode("utf-8-sig", "replace"))


def refuse_shipped(paths: Sequence[str]) -> None:
    """Raise Failure for a shipped spec's name, and for no file, where files are to be changed."""
    if name := next(filter(shipped.find, paths), None):
        copy = f"`netspec list {name} -o {name}.yaml` makes a copy"
        raise Failure(f"{name} is netspec's own, which nobody changes; {copy}", Exit.USAGE)
    for path in paths:
        if path != "-" and not os.path.lexists(path):
            raise Failure(shipped.missing(path), Exit.USAGE)


def _below(options: Namespace, directory: str) -> list[str]:
    """Return the specs below a directory, in order; what is hidden is left out."""
    stamps, found = stamps_of(options), []
    for place, folders, names in os.walk(directory):
        stamps[place] = stamp(place)
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = [str(Path(place, name)) for name in names if not name.startswith(".")]
        found += [path for path in here if path.endswith(".yaml") and Path(path).is_file()]
    if not found:
        raise Failure(f"there is no *.yaml below {directory}", Exit.USAGE)
    return sorted(found)


def compiled(options: Namespace, spec: str | None = None) -> Network:
    """Compile `spec`, by default the only one; show what is wrong with it on standard error."""
    path = spec or options.spec
    network, items = diagnose(path, options)
    show(items, sys.stderr)
    if network is None:
        count = sum(item.severity == "error" for item in items) or len(items)
        raise Failure(f"{path} has {counted(count, 'error')}", Exit.WRONG)
    return network


def prepared(options: Namespace) -> Prepared:
    """Read a spec that is compiled at many values. Raises SpecError."""
    project = Project(options.root, stamps_of(options))
    with REGISTRY.enabled(own_ops(options, options.spec)):
        found = prepare_spec(project.open(options.spec), project.load)
    return replace(found, imports=_allowed(options))


def configured_of(options: Namespace, spec: str) -> Configured:
    """Return what the project of a spec says, under what the command line does.

    A spec of netspec's own is of no project, and standard input of the one that the user is in.
    Raises SpecError and OSError.
    """
    if shipped.find(spec):
        return Configured(strict=bool(options.strict))
    directory = Path() if spec == "-" else Path(spec).parent
    if folder := folder_of(directory):
        path = str(folder / PROJECT)  # before it is read: --watch waits for it to be mended
        stamps_of(options)[path] = stamp(path)
    found = configured(directory)
    return found if options.strict is None else found._replace(strict=options.strict)


def _tell_wish(path: str, options: Namespace, found: Sequence[Diagnostic]) -> None:
    """Say how the ops are enabled that a project wants, where a spec names unknown ones."""
    is_own = any(x.code == Code.UNKNOWN_OP and x.span and "." in x.span.text for x in found)
    if is_own and (text := hint(path, options.ops)):
        warn(text)


def _allowed(options: Namespace) -> tuple[str, ...]:
    """Return what the call lets generated code import, of a command that writes or runs some."""
    return tuple(getattr(options, "allow_import", ()))


Diagnosis = tuple[Network | None, Sequence[Diagnostic]]
"""The network of a spec, if it is one, and what there is to say about it."""


def diagnose(
    path: str, options: Namespace, texts: Mapping[str, Source] = MappingProxyType({})
) -> Diagnosis:
    """Compile a spec, with some texts in place of files."""
    try:
        is_strict = configured_of(options, path).strict
        project = Project(options.root, stamps_of(options), texts)
        source, values = project.open(path), settings(options.set)
        with REGISTRY.enabled(own_ops(options, path)):
            network = compile_spec(source, values, project.load, is_strict)
    except SpecError as error:
        _tell_wish(path, options, error.diagnostics)
        return None, error.diagnostics
    except ParameterError as error:
        raise Failure(f"--set: {error}", Exit.USAGE) from None
    network = replace(network, imports=_allowed(options))
    if is_strict and network.warnings:
        return None, [replace(item, severity="error") for item in network.warnings]
    return network, network.warnings
