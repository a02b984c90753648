"""The user's own ops that a command enables."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from netspec.cli.exits import Exit, Failure
from netspec.ops.base import Op
from netspec.ops.own import OpsError, OpsImportError, enabled_by


def own_ops(options: Namespace) -> Mapping[str, type[Op]]:
    """Return the ops of the modules that the call names. Raises Failure."""
    try:
        return enabled_by(options.ops)
    except OpsImportError as error:
        raise Failure(f"--ops: {error}", Exit.ENVIRONMENT) from None
    except OpsError as error:
        raise Failure(f"--ops: {error}", Exit.USAGE) from None
