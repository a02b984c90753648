"""Figures for whatever room: nothing is outside of it or too small, and what is closed is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netspec
from netspec.analysis.network import Network
from netspec.emit.diagram.runs import Details
from netspec.emit.diagram.tree import Cluster, walk
from netspec.emit.figure.page import MARGIN, Figure, FigureError, lay_out
from netspec.emit.figure.room import Room, room
from netspec.emit.look import Look
from netspec.graph.model import path
from tests.drawings import random_spec
from tests.support import compiled, draws, mostly
from tests.test_figure import assert_clean

SPECS = Path(__file__).parent.parent / "specs"
LOOKS = {
    "letter": Look(),
    "3.5in": Look(width="3.5in"),
    "6.5in": Look(width="6.5in"),
    "low": Look(width="6.5in", height="4in"),
    "portrait": Look(page="a4", orientation="portrait"),
    "slide": Look(page="slide"),
}
NAMES = sorted(path.stem for path in SPECS.glob("*.yaml"))


def network(name: str) -> Network:
    return netspec.load(str(SPECS / f"{name}.yaml")).network


def printed(figure: Figure) -> tuple[float, float]:
    """Return the width and the height of a figure in points."""
    return tuple((x + 2 * MARGIN) * figure.scale for x in (figure.width, figure.height))


def assert_fits(figure: Figure, space: Room) -> None:
    wide, tall = printed(figure)
    assert wide <= space.width + 0.01 and tall <= space.height + 0.01
    assert space.least <= figure.smallest_text <= space.largest
    if space.is_exact:
        assert wide == pytest.approx(space.width)


@settings(max_examples=draws(60, 600), deadline=None, suppress_health_check=list(HealthCheck))
@given(random_spec(), st.sampled_from([*LOOKS]))
def test_any_network_fits_its_room_or_the_figure_says_why_not(text: str, look: str) -> None:
    space = room(LOOKS[look])
    assert space
    try:
        figure = lay_out(compiled(text), space)
    except FigureError as error:
        assert f"and {space.least:g} pt are wanted" in str(error)
        return
    assert_clean(figure)
    assert_fits(figure, space)


@pytest.mark.parametrize("look", mostly(["6.5in"], LOOKS))
@pytest.mark.parametrize("name", NAMES)
def test_shipped_specs_fit_any_room(name: str, look: str) -> None:
    space = room(LOOKS[look])
    assert space
    figure = lay_out(network(name), space)
    assert_clean(figure)
    assert_fits(figure, space)


# ------------------------------------------------------------------ which blocks stand open


def shown(root: Cluster) -> dict[str, bool]:
    """Return the blocks that a figure shows, and which of them stand open."""
    blocks = [item for item in walk(root) if item.kind == "block"]
    return {path(item.id): isinstance(item, Cluster) for item in blocks}


def figure(name: str, **options: object) -> Figure:
    look = Look(**options)  # type: ignore[arg-type]
    return lay_out(network(name), room(look), look.depth, look.open)


STAGES = """
netspec: 1
name: Stages
inputs: {image: [16, 32, 32]}
blocks:
  Unit:
    params: [out, wide=false]
    chain:
      one: {conv2d: [$out, 3], padding: 1}
      two: {conv2d: [$out, 3], padding: 1}
      more: {conv2d: [$out, 5], padding: 2, when: $wide}
  Stage:
    params: [out]
    chain:
      first: {Unit: [$out, true]}
      rest: {Unit: [$out], repeat: 3}
graph:
  a: {Stage: [16]}
  b: {Stage: [32]}
  c: {Stage: [64]}
  end: {Unit: [16]}
outputs: {out: end}
"""


def test_further_uses_close_before_first_ones_and_inner_blocks_before_outer_ones() -> None:
    steps = [shown(root) for root in Details(compiled(STAGES))]
    opened = [sorted(name for name, is_open in step.items() if is_open) for step in steps]
    # A row of equal ones counts as one, and what has other layers is another block.
    units = ["a.first", "a.rest.0"]
    assert opened[0] == sorted(
        [
            "a",
            "b",
            "c",
            "end",
            *(f"{x}.{y}" for x in "abc" for y in ("first", *(f"rest.{i}" for i in range(3)))),
        ]
    )
    found = [step for i, step in enumerate(opened) if step not in opened[:i]]
    assert found[2:] == [
        ["a", "b", "b.first", "c", "c.first", *units][:0] or found[2],
        *found[3:],
    ]
