"""How links are drawn: none is lost, and none is drawn twice."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from netspec.emit.diagram.routes import Routes, route
from netspec.emit.diagram.runs import Details
from netspec.emit.diagram.tree import Cluster, build, leaves, walk
from netspec.emit.figure.page import lay_out
from netspec.emit.figure.room import room
from netspec.emit.look import Look
from tests.drawings import random_spec
from tests.random_spec import specs
from tests.support import compiled, draws
from tests.wiring import drawn_edges, shown_edges


def below(routes: Routes) -> Iterator[Routes]:
    yield routes
    for inner in routes.inner.values():
        yield from below(inner)


@settings(max_examples=draws(15, 150), deadline=None, suppress_health_check=list(HealthCheck))
@given(random_spec())
def test_every_link_is_a_line_a_lane_or_a_tag(text: str) -> None:
    for routes in below(route(build(compiled(text)))):
        lines = [
            link
            for series in routes.lanes
            for i in range(len(series.parts))
            for link in routes.drawn(series, i)
        ]
        lanes = [lane.skip.link for lanes in routes.lanes.values() for lane in lanes.lanes]
        tagged = {(node, part) for part, nodes in routes.into.items() for node in nodes}
        links = {*routes.cluster.links}
        tags = {link for link in links if (link.node, link.target) in tagged}
        assert sorted([*lines, *lanes, *tags]) == sorted(links)
        # What an open block gives beside its output has its number inside.
        assert all(link.source in routes.out or link.source in routes.inner for link in tags)


@settings(max_examples=draws(15, 250), deadline=None, suppress_health_check=list(HealthCheck))
@given(random_spec(), st.sampled_from(["letter", "none"]), st.sampled_from([None, 1]))
def test_every_edge_of_the_page_leads_from_its_source_to_its_reader(
    text: str, page: str, depth: int | None
) -> None:
    figure = lay_out(compiled(text), room(Look(page=page, min_text=1)), depth)
    drawn, faults = drawn_edges(figure.drawing)
    shown = [*leaves(figure.root)]
    boxes = [box.owner for box in figure.drawing.boxes if not box.is_group]
    assert sorted(leaf.id for leaf in shown) == sorted({*boxes} & {leaf.id for leaf in shown})
    assert faults == []
    assert drawn == shown_edges(shown, figure.root)


TWO_OUTPUTS = """
netspec: 1
name: Net
inputs: {image: [4, 8, 8]}
blocks:
  Two: {outputs: [first, last], chain: {first: {conv2d: [4, 1]}, act: relu, last: {conv2d: [4, 1]}}}
graph:
  two: {Two: [], from: image}
  left: {chain: [{conv2d: [4, 3]}, relu], from: two.last}
  right: {chain: [{conv2d: [4, 3]}, relu], from: two.first}
  sum: {add: [], from: [left, right]}
outputs: {y1: sum}
"""


@settings(max_examples=draws(15, 120), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.just(TWO_OUTPUTS) | specs())
@example(TWO_OUTPUTS)
def test_whatever_is_folded_each_source_has_a_box(text: str) -> None:
    for whole in Details(compiled(text)):
        clusters = [whole, *(item for item in walk(whole) if isinstance(item, Cluster))]
        read = {link.node for cluster in clusters for link in cluster.links}
        # A row of equal blocks is drawn as its first one, and read as its last.
        outputs = {cluster.output for cluster in clusters}
        assert read <= {node for leaf in leaves(whole) for node in leaf.exits} | outputs
