"""The shipped specs as a table: what each comes to, and the paper that it is from."""

from __future__ import annotations

import re
from collections.abc import Mapping

from netspec.analysis.network import Network
from netspec.emit.report import Report
from netspec.emit.report.table import Column, Table
from netspec.language import shipped

_PAPER = re.compile(r'(?P<authors>[^"]+), "(?P<title>[^"]+)" \((?P<year>\d{4})\)')

COLUMNS = (
    Column("name", "spec", "text"),
    Column("params", "params"),
    Column("macs", "MACs"),
    Column("authors", "paper", "text"),
    Column("year", "year", "text", glue=" "),
    Column("title", "title", "text", extra=True),
)
_NOTE = (
    "Parameters and MACs of inference, these for one image. A name stands wherever a command takes "
    "a spec: `netspec build googlenet -o model.py`; `netspec list googlenet -o net.yaml` makes a "
    "copy to change."
)


def spec_list(networks: Mapping[str, Network]) -> Report:
    """Return the networks by the names of their specs; what they cost is that of inference."""
    rows = tuple(
        (name, network.totals.inference.params, network.totals.inference.macs, *paper(network))
        for name, network in networks.items()
    )
    return Report(
        f"{len(rows)} specs that come with netspec",
        (),
        (Table("specs", "specs", COLUMNS, rows),),
        (_NOTE,),
    )


def paper(network: Network) -> tuple[str, str, str]:
    """Return who wrote the paper, in which year, and its title."""
    found = _PAPER.match(shipped.origin(network.spec.doc)[0])
    assert found, "a shipped spec names its paper first"
    return found["authors"], found["year"], found["title"]
