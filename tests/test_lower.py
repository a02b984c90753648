"""Bodies lowered: the order, the branches and the join of each, and what no output needs."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netspec.language.lower import lower, walk
from netspec.language.model import BlockCall
from tests.support import compiled, draws, mistakes

HEAD = "netspec: 1\nname: Net\ninputs: {image: [3, 8, 8]}\n"


@st.composite
def networks(draw: st.DrawFn) -> dict[str, list[str]]:
    """Return what each layer reads, by name; the file has them in any order."""
    names = [f"n{i}" for i in range(draw(st.integers(1, 12)))]
    read = {
        name: draw(st.lists(st.sampled_from(["image", *names[:i]]), min_size=1, max_size=3))
        for i, name in enumerate(names)
    }
    return {name: read[name] for name in draw(st.permutations(names))}


def written(read: dict[str, list[str]], heads: dict[str, str], outputs: list[str]) -> str:
    """Write a spec, one line a layer."""
    lines = [
        f"  {name}: {{{'add' if len(sources) > 1 else 'relu'}: [], from: [{', '.join(sources)}]}}\n"
        for name, sources in read.items()
    ]
    results = [f"o{i}: {name}" for i, name in enumerate(outputs)]
    results += [f"{name}: {{relu: [], from: {source}}}" for name, source in heads.items()]
    return f"{HEAD}graph:\n{''.join(lines)}outputs: {{{', '.join(results)}}}\n"


def sources(read: dict[str, list[str]], name: str) -> set[str]:
    """Return all that a layer depends on."""
    found = {name}
    for other in read.get(name, ()):
        found |= sources(read, other)
    return found


@given(networks(), st.integers(0, 3), st.randoms())
@settings(max_examples=draws(60, 600), deadline=None)
def test_each_layer_runs_behind_what_it_reads_and_else_in_the_files_order(read, count, random):
    heads = {f"h{i}": random.choice([*read]) for i in range(count)}
    unread = [name for name in read if not any(name in other for other in read.values())]
    network = compiled(written(read, heads, unread))
    steps = lower(network.spec)[network.spec.model.body].steps
    lines = [*read]
    rank = {name: float(i) for i, name in enumerate(lines)}
    rank |= {name: rank[source] + 0.5 for name, source in heads.items()}
    everything = read | {name: [source] for name, source in heads.items()}
    done = ["image"]
    while len(done) <= len(everything):
        ready = [n for n, ss in everything.items() if n not in done and {*ss} <= {*done}]
        done.append(min(ready, key=lambda name: rank[name]))
    assert [step.layer.name for step in steps] == done[1:]
    assert [step.line for step in sorted(steps, key=lambda s: s.line)] == [*range(len(steps))]


@given(networks(), st.randoms())
@settings(max_examples=draws(60, 600), deadline=None)
def test_what_no_output_needs_is_reported_at_once(read, random):
    outputs = random.sample([*read], random.randint(1, len(read)))
    needed = set().union(*(sources(read, name) for name in outputs))
    assume("image" in needed)
    found = mistakes(written(read, {}, outputs))
    assert {item.code for item in found} <= {"NS023"}
    reported = [
        place.text for item in found for place in (item.span, *(n.span for n in item.notes))
    ]
    assert sorted(reported) == sorted(read.keys() - needed)
    rest = {name: given for name, given in read.items() if name in needed}
    assert mistakes(written(rest, {}, outputs)) == []


BRANCHES = """
blocks:
  Cell:
    inputs: [left, right]
    parallel:
      - second: {relu: [], from: first}
        first:  {relu: [], from: right}
        third:  {relu: [], from: second}
      - [{conv2d: [3, 1], from: right}, relu]
      - []
      - concat: {conv2d: [3, 1]}
        again:  {share: concat}
    join: concat
graph:
  cell: {Cell: [], from: [image, image]}
outputs: {y: cell}
"""


def test_branches_stand_beside_each_other_and_a_join_behind_them():
    spec = compiled(HEAD + BRANCHES).spec
    bodies = lower(spec)
    cell = bodies[spec.blocks["Cell"].body]
    shown = [(s.layer.name, s.actor.name, s.branch, s.is_branch) for s in cell.steps]
    assert shown == [
        ("first", "first", 0, False),
        ("second", "second", 0, False),
        ("third", "third", 0, False),
        ("1", "1", 1, True),
        ("concat", "concat", 3, False),
        ("again", "concat", 3, False),
    ]
    assert cell.join is not None and cell.join.name == cell.end == "concat_"
    assert cell.ends == ["third", "1", "left", "again"]
    unnamed = bodies[cell.steps[3].layer.call]
    assert unnamed.inputs == ("right",) and unnamed.end == "1"
    found = [layer.name for _, layer in walk(cell, bodies)]
    assert found == ["first", "second", "third", "0", "1", "concat", "again"]


def test_every_body_is_lowered_once():
    network = compiled(HEAD + BRANCHES)
    bodies = network.graph.bodies
    assert set(bodies) == set(network.graph.instances) | {network.spec.model.body}
    (step,) = bodies[network.spec.model.body].steps
    assert isinstance(step.layer.call, BlockCall)
