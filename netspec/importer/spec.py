"""Flat → its compiled spec, with what it expects of itself, proved against the source."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap

from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.importer.flat import Flat
from netspec.importer.fold import fold
from netspec.importer.losses import weighted
from netspec.importer.naming import shown
from netspec.importer.tree import Interleaved
from netspec.language.write import written
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Source, SpecError


def imported(flat: Flat, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Network:
    """Return the compiled network; the text of its spec is that of its source.

    `shapes` are those of the source's state_dict, where its keys are to be kept. Raises SpecError
    for what no spec can say.
    """
    try:
        spec = weighted(fold(flat))
    except Interleaved as error:
        where = ".".join(error.path) or "the network itself"
        help = "let each module call its parts one after the other"
        message = f"`{where}` cannot be kept together: {error}"
        raise SpecError([Diagnostic(Code.NOT_LIFTED, message, help=help)]) from None
    network = compile_spec(Source(f"<{flat.name}>", written(spec, {})))
    totals = network.totals
    expect = {"params": totals.inference.params, "macs": totals.inference.macs}
    if totals.training.params != totals.inference.params:
        expect["train_params"] = totals.training.params
    # Larger numbers are none that a spec can hold.
    expect = {key: number for key, number in expect.items() if number < 10**18}
    head = "".join(f"# {line}\n" for text in flat.remarks for line in wrap(shown(text), _WIDTH))
    network = compile_spec(Source(f"<{flat.name}>", head + written(spec, expect)))
    if shapes is not None:
        _prove(network, shapes)
    return network


_WIDTH = 94
"""Of a line of comment."""


def _prove(network: Network, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Compare the tensors of a network with its source's: an inequality is a mistake of ours."""
    found = network.tensors()
    assert found.keys() == shapes.keys(), sorted(found.keys() ^ shapes.keys())[:8]
    assert all(found[key] == shapes[key] for key in shapes), "tensors of other shapes"
