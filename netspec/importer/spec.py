"""Flat → the text of its spec, compiled and with what it expects of itself."""

from __future__ import annotations

from textwrap import wrap

from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.importer.flat import Flat
from netspec.importer.fold import fold
from netspec.importer.losses import weighted
from netspec.language.write import written
from netspec.text.diagnostics import Source, escape


def imported(flat: Flat) -> Network:
    """Return the compiled network; the text of its spec is that of its source.

    Raises SpecError for what cannot be said, which only a mistake of the reader can cause.
    """
    spec = weighted(fold(flat))
    head = "".join(f"# {line}\n" for text in flat.remarks for line in wrap(escape(text), _WIDTH))
    network = compile_spec(Source(f"<{flat.name}>", written(spec, {})))
    totals = network.totals
    expect = {"params": totals.inference.params, "macs": totals.inference.macs}
    if totals.training.params != totals.inference.params:
        expect["train_params"] = totals.training.params
    # Larger numbers are none that a spec can hold.
    expect = {key: number for key, number in expect.items() if number < 10**18}
    return compile_spec(Source(f"<{flat.name}>", head + written(spec, expect)))


_WIDTH = 94
"""Of a line of comment."""
