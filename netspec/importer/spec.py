"""Flat → the text of its spec, compiled and with what it expects of itself."""

from __future__ import annotations

from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.importer.flat import Flat
from netspec.importer.fold import fold
from netspec.language.write import written
from netspec.text.diagnostics import Source


def imported(flat: Flat) -> Network:
    """Return the compiled network; the text of its spec is that of its source.

    Raises SpecError for what cannot be said, which only a mistake of the reader can cause.
    """
    spec = fold(flat)
    network = compile_spec(Source(f"<{flat.name}>", written(spec, {})))
    totals = network.totals
    expect = {"params": totals.inference.params, "macs": totals.inference.macs}
    if totals.training.params != totals.inference.params:
        expect["train_params"] = totals.training.params
    return compile_spec(Source(f"<{flat.name}>", written(spec, expect)))
