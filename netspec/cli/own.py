"""The user's own ops: those that the call names, and those of a project that the user trusts."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from traceback import walk_tb

from netspec.cli.exits import Exit, Failure
from netspec.cli.trusted import project_of, trusted_modules
from netspec.language.configured import PROJECT
from netspec.ops.base import Op
from netspec.ops.own import OpsError, OpsImportError, enabled_by
from netspec.text.diagnostics import SpecError


def own_ops(options: Namespace, spec: str = "-") -> Mapping[str, type[Op]]:
    """Return the ops that a spec may name beside the built-in ones. Raises Failure."""
    called = _enabled(options.ops, "--ops")
    modules = [module for module in trusted_modules(spec) if module not in options.ops]
    trusted = _enabled(modules, f"{project_of(spec)}/{PROJECT}") if modules else {}
    if twice := [name for name in trusted if called.get(name, trusted[name]) is not trusted[name]]:
        raise Failure(f"two ops are called `{twice[0]}`: of --ops and of the project", Exit.USAGE)
    return {**called, **trusted}


def ops_for(options: Namespace, spec: str) -> Mapping[str, type[Op]]:
    """Return the ops that a spec may name, for a server that goes on. Raises OpsError."""
    try:
        return own_ops(options, spec)
    except Failure as error:
        raise OpsError(error.message) from None
    except (SpecError, OSError) as error:  # what its project says is wrong, or cannot be read
        raise OpsError(str(error)) from None


def raised_by(error: Exception) -> str:
    """Return the op of the user's own whose rule has raised an error, nothing for none."""
    names = (
        getattr(frame.f_locals.get("self"), "op_name", "")
        for frame, _ in walk_tb(error.__traceback__)
        if isinstance(frame.f_locals.get("self"), Op)
    )
    return next((name for name in names if "." in name), "")


def _enabled(modules: Sequence[str], where: str) -> Mapping[str, type[Op]]:
    try:
        return enabled_by(modules)
    except OpsImportError as error:
        raise Failure(f"{where}: {error}", Exit.ENVIRONMENT) from None
    except OpsError as error:
        raise Failure(f"{where}: {error}", Exit.USAGE) from None
