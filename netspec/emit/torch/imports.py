"""What generated code may import: modules of ops that the call enables, externs that it allows."""

from __future__ import annotations

from netspec.analysis.network import Network
from netspec.ops.extern import Extern, op_of
from netspec.ops.own import functions
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Label, Sink


def permitted(network: Network) -> set[str]:
    """Return what a network's code may call beside torch.

    Raises SpecError for an extern whose module the call does not allow.
    """
    sink = Sink()
    used = {type(node.op) for node in network.graph.nodes.values()}
    for name, extern in network.spec.externs.items():
        package = extern.declared.package
        is_allowed = any(f"{package}.".startswith(f"{prefix}.") for prefix in network.imports)
        if is_allowed or op_of(extern.declared) not in used:
            continue
        root = package.partition(".")[0]
        message = f"generated code would import `{package}`, which the call does not allow"
        help = f"`--allow-import {root}` does, and in Python `load(..., allow_import=['{root}'])`"
        notes = (Label(extern.span, f"`{name}` stands here"),)
        sink.add(Diagnostic(Code.IMPORT, message, extern.imported, notes=notes, help=help))
    sink.stop()
    called = {cls for cls in used if issubclass(cls, Extern)}
    return functions(network.spec.own) | {cls.module for cls in called}
