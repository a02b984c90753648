"""Variants: strict patches, mistakes in the right file, and nothing read outside the project."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import torch

import netspec
from netspec.cli import main
from netspec.language.variant.places import parts
from netspec.text.diagnostics import Diagnostic, Span, SpecError
from netspec.text.rendered import render
from netspec.text.syntax import decode, parse
from tests.support import ROOT, mostly
from tests.torchvision import declared, made

BASE = """\
netspec: 1
name: Base
params: {classes: 10, rate: 0.5}
inputs: {image: [3, 16, 16]}
blocks:
  Conv:
    params: [out, k=3]
    chain:
      conv: {conv2d: [$out, $k], padding: $k // 2}
      relu: relu
  Fork:
    parallel:
      - left:  {Conv: 8}
      - down:  {Conv: [4, 1]}
        right: {Conv: 8}
      - [{Conv: 4}, relu]
    join: concat
graph:
  one:   {Conv: 8, shape: [8, 16, 16]}
  two:   [relu, {conv2d: [8, 1]}]
  three: {chain: {a: relu, b: {dropout: $rate}}}
  fork:  Fork
  flat:  flatten
  fc:    {linear: $classes}
outputs:
  y1: fc
  y2: {Fork: [], from: three, when: train}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def write(project: Path, patch: str, name: str = "v.yaml", extends: str = "base.yaml") -> str:
    path = project / name
    path.write_text(f"netspec: 1\nextends: {extends}\n{patch}")
    return str(path)


def build(project: Path, patch: str) -> netspec.Net:
    return netspec.load(write(project, patch))


def wrong(path: str) -> list[Diagnostic]:
    with pytest.raises(SpecError) as caught:
        netspec.load(path)
    return list(caught.value.diagnostics)


def one(project: Path, patch: str, **keywords: str) -> Diagnostic:
    (item,) = wrong(write(project, patch, **keywords))
    return item


def lines(net: netspec.Net) -> list[str]:
    return [".".join(node) for node in net.network.graph.nodes]


# ------------------------------------------------------------------ what a patch does


def test_without_a_patch_the_network_is_the_same(project):
    net = build(project, "")
    assert lines(net) == lines(netspec.load(str(project / "base.yaml")))
    assert (net.name, str(net.network.sources[1].name)) == ("Base", str(project / "base.yaml"))


def test_name_doc_expect_and_params_replace(project):
    net = build(
        project, 'name: Other\ndoc: A text\nparams: {classes: 3}\nexpect: {depth: "<=99"}\n'
    )
    spec = net.network.spec
    assert (net.name, spec.doc, spec.params["classes"].default) == ("Other", "A text", 3)
    assert spec.params["rate"].default == 0.5
    assert spec.expect[0].metric == "depth"
    assert spec.source.name.endswith("v.yaml")


def test_change_replaces_a_whole_layer(project):
    net = build(project, "change: {blocks.Fork.right: {Conv: 6}, graph.three.b: relu}\n")
    ops = {".".join(k): n.op for k, n in net.network.graph.nodes.items()}
    assert ops["fork.right.conv"].out_channels == 6
    assert ops["three.b"].op_name == "relu"


def test_unnamed_layers_and_branches_have_numbers(project):
    net = build(project, "change: {graph.two.1: {conv2d: [5, 1]}, blocks.Fork.2.0: {Conv: 7}}\n")
    nodes = net.network.graph.nodes
    assert nodes["two", "1"].op.out_channels == 5
    assert nodes["fork", "2", "0", "conv"].op.out_channels == 7


def test_removing_and_inserting_change_what_the_next_line_reads(project):
    patch = "insert: {blocks.Conv.norm: {batch_norm2d: [], after: conv}}\nremove: [graph.two]\n"
    nodes = build(project, patch).network.graph.nodes
    assert nodes["one", "relu"].inputs == (("one", "norm"),)
    assert nodes["three", "a"].inputs == (("one", "relu"),)


def test_insertions_keep_the_order_of_the_file(project):
    patch = """\
insert:
  graph.a: {relu: [], after: one}
  graph.b: {relu: [], after: one}
  graph.c: {relu: [], after: a}
  graph.d: {relu: [], before: two}
  graph.e: {relu: [], before: two}
  blocks.Fork.low: {relu: [], before: down}
  outputs.y3: {AuxHead: [], from: fork, when: train}
  blocks.AuxHead: {chain: {flat: flatten, fc: {linear: 3}}}
remove: [graph.two]
"""
    net = build(project, patch)
    names = list(dict.fromkeys(line.split(".")[0] for line in lines(net)))
    assert [name for name in names if len(name) == 1] == ["a", "c", "b", "d", "e"]
    assert [o.name for o in net.network.graph.outputs] == ["y1", "y2", "y3"]
    assert net.network.graph.nodes["fork", "down", "conv"].inputs == (("fork", "low"),)


def test_outputs_and_blocks_can_be_removed(project):
    patch = "remove: [outputs.y2, blocks.Fork]\nchange: {graph.fork: relu, outputs.y1: fc}\n"
    net = build(project, patch)
    assert [o.name for o in net.network.graph.outputs] == ["y1"]
    assert (list(net.network.spec.blocks), net.warnings) == (["Conv"], ())


def test_a_variant_of_a_variant(project):
    write(project, "change: {graph.fc: {linear: 7}}\n", "first.yaml")
    path = write(project, "change: {graph.fc: {linear: 8}}\n", "second.yaml", "first.yaml")
    net = netspec.load(path)
    assert net.network.graph.nodes["fc",].op.out_features == 8
    assert len(net.network.sources) == 3


def test_the_header_covers_every_file(project):
    path = Path(write(project, "name: Other\n"))
    before = netspec.load(str(path)).to_python().splitlines()[1]
    digests = [
        hashlib.sha256((project / name).read_bytes()).hexdigest()
        for name in ("v.yaml", "base.yaml")
    ]
    lines = "".join(f"{digest}\n" for digest in digests).encode()
    assert before == f"# spec sha256: {hashlib.sha256(lines).hexdigest()}"
    (project / "base.yaml").write_text(BASE + "# a comment\n")
    assert netspec.load(str(path)).to_python().splitlines()[1] != before


def test_inputs_parameters_and_what_blocks_say_are_parts(project):
    patch = """\
change:
  inputs.image: [1, 12, 12]
  blocks.Conv.params: [out, k=3, slope=1]
  graph.one: {Conv: $wide}
insert:
  params.wide: 24
  inputs.other: [7]
  blocks.Fork.doc: Three branches
  outputs.y3: {linear: 2, from: other}
  outputs.y4: {leaky_relu: 0.1, from: one}
remove: [params.rate, graph.three, outputs.y2]
"""
    text = patch.replace("graph.one: {Conv: $wide}", "graph.one: {Conv: $wide, from: image}")
    text = text.replace(", slope=1", "")
    net = build(project, text)
    graph = net.network.graph
    assert graph.inputs == {("image",): (1, 12, 12), ("other",): (7,)}
    assert graph.params == {"classes": 10, "wide": 24}
    assert net.network.shapes["one", "relu"] == (24, 12, 12)
    assert net.network.spec.blocks["Fork"].doc == "Three branches"
    warning = build(project, text.replace("k=3]", "k=3, slope=1]")).warnings[0]
    assert warning.span.text == "slope=1"


def test_sections_that_the_base_has_not_can_be_inserted_into(project):
    bare = "netspec: 1\nname: Bare\ninputs: {i: [3]}\ngraph: {a: relu}\noutputs: {y1: a}\n"
    (project / "bare.yaml").write_text(bare)
    patch = "insert: {params.n: 4, blocks.New: {chain: [{linear: $n}]}}\nchange: {graph.a: New}\n"
    net = netspec.load(write(project, patch, extends="bare.yaml"))
    assert net.network.graph.nodes["a", "0"].op.out_features == 4


def paths(spec: Path) -> list[tuple[str, Span]]:
    """Return the path of every part of a spec, with its place."""
    tree = parse(decode(spec.read_bytes(), "base.yaml"))
    todo, found = [("", part) for part in parts(tree, "spec").items()], []
    while todo:
        above, (name, place) = todo.pop()
        path = f"{above}.{name}" if above else name
        found += [(path, place.tree.span)] if above else []
        todo += [(path, part) for part in place.parts.items()]
    return found


@pytest.fixture(params=mostly(["base", "googlenet"], ["base", "resnet50", "googlenet"]))
def spec(request: pytest.FixtureRequest, project: Path) -> Path:
    if request.param != "base":
        (project / "base.yaml").write_bytes((ROOT / f"specs/{request.param}.yaml").read_bytes())
    return project / "base.yaml"


def test_every_part_replaced_by_itself_gives_the_same_network(project, spec):
    wanted = netspec.load(str(spec))
    for path, span in paths(spec):
        if not path.startswith("params."):
            text = f"change:\n  {path}:\n{' ' * (span.column - 1)}{span.text}\n"
            net = build(project, text)
            assert lines(net) == lines(wanted), path
            assert net.network.totals == wanted.network.totals, path


def test_what_a_removal_makes_wrong_is_told_at_the_removal(project, spec):
    for path, _ in paths(spec):
        try:
            items = build(project, f"remove: [{path}]\n").warnings
        except SpecError as error:
            items = error.diagnostics
        for item in items:
            assert item.span.text == ("base.yaml" if item.code == "NS056" else path), item


# ------------------------------------------------------------------ what a patch may not do

MISFITS = [
    ("change: {graph.onee: relu}", "NS062", "onee", "did you mean `one`?"),
    ("change: {blocks.Forkk.left: relu}", "NS062", "Forkk", "did you mean `Fork`?"),
    ("change: {grph.one: relu}", "NS062", "grph", "write `graph.one`"),
    ("remove: [block.Conv.relu]", "NS062", "block", "write `blocks.Conv.relu`"),
    ("change: {Going.two: relu}", "NS062", "Going", "write `graph.two`"),
    ("change: {Going.nothing: relu}", "NS062", "Going.nothing", "for example"),
    ("change: {one.conv: relu}", "NS062", "one.conv", "write `graph.one.conv`"),
    ("change: {graph: relu}", "NS062", "graph", "for example"),
    ("change: {graph.one.conv: relu}", "NS062", "conv", "write `blocks.Conv.conv`"),
    ("params: {rate: 0.2, rat: 3}", "NS062", "rat", "it has: classes, rate"),
    ("remove: [graph.nothing]", "NS062", "nothing", "it has: `one`"),
    ("remove: [graph.two, graph.two]", "NS062", "graph.two", ""),
    ("change: {graph.two: relu}\nremove: [graph.two]", "NS062", "graph.two", ""),
    ("change: {graph.two: relu, graph.two.0: relu}", "NS062", "graph.two.0", "keep one"),
    ("remove: [blocks.Fork.left]", "NS062", "blocks.Fork.left", "around it"),
    ("params: {klasses: 3}", "NS062", "klasses", "did you mean `classes`?"),
    ("insert: {graph.one: {relu: [], after: two}}", "NS063", "one", "`change` replaces it"),
    ("insert: {graph.new: relu}", "NS063", "new", "after: one"),
    ("insert: {graph.new: {relu: [], after: one, before: two}}", "NS063", "new", ""),
    ("insert: {graph.new: {relu: [], after: onee}}", "NS063", "onee", "did you mean `one`?"),
    ("insert: {graph.two.x: {relu: [], after: 0}}", "NS063", "x", "as a whole"),
    ("remove: graph.one", "NS012", "graph.one", "remove: [graph.norm1]"),
    ("change: [graph.one]", "NS012", "[graph.one]", ""),
    ("graph: {one: relu}", "NS011", "graph", ""),
    ("Conv: [graph.one, blocks.Conv.relu]", "NS011", "Conv", "did you mean `remove`?"),
    ("relu: {graph.one: relu}", "NS011", "relu", "did you mean `change`?"),
    ("base: {graph.x: {relu: [], after: one}}", "NS011", "base", "did you mean `insert`?"),
    ("k: Stride 2; it passes through", "NS011", "k", "did you mean `doc`?"),
    ("k: {classes: 3, rate: 0.5}", "NS011", "k", "did you mean `params`?"),
    ("k: {params: 3, macs: <=3}", "NS011", "k", "did you mean `expect`?"),
    ("blocks: {params: 3, macs: <=3}", "NS011", "blocks", "did you mean `expect`?"),
    ("relu: relu", "NS011", "relu", "known: "),
    ("chnge: {graph.one: relu}", "NS011", "chnge", "did you mean `change`?"),
]


@pytest.mark.parametrize(("patch", "code", "text", "help"), MISFITS, ids=[m[0] for m in MISFITS])
def test_misfits_are_reported_in_the_variant(project, patch, code, text, help):
    item = one(project, patch + "\n")
    assert (item.code, item.span.text) == (code, text)
    assert help in item.help
    assert item.span.source.name.endswith("v.yaml")


def test_every_misfit_is_reported(project):
    patch = "change: {graph.x1: relu, graph.x2: relu}\nremove: [graph.x3]\n"
    assert [item.span.text for item in wrong(write(project, patch))] == ["x1", "x2", "x3"]


def test_mistakes_keep_their_file(project):
    item = one(project, "change: {graph.one: {Conv: 0}}\n")
    assert (item.code, item.span.text, item.span.line) == ("NS035", "0", 3)
    assert item.span.source.name.endswith("v.yaml")
    item = one(project, "change: {blocks.Conv.conv: {conv2d: [$out, $k], padding: $q}}\n")
    assert (item.code, item.span.text) == ("NS017", "$q")


def test_a_mistake_in_the_extended_file_says_who_extends_it(project):
    (project / "base.yaml").write_text(BASE.replace("linear: $classes", "linera: $classes"))
    item = one(project, "name: Other\n")
    assert (item.code, item.span.text) == ("NS020", "linera")
    assert item.span.source.name.endswith("base.yaml")
    assert (item.notes[-1].span.text, item.notes[-1].text) == ("base.yaml", "extended here")
    assert "v.yaml:2:10" in render(item)


def test_an_inherited_contract_holds_for_the_variant(project):
    item = one(project, "change: {blocks.Conv.conv: {conv2d: [$out, $k]}}\n")
    assert (item.code, "8×16×16" in item.message) == ("NS055", True)
    assert item.span.source.name.endswith("v.yaml")
    assert item.help.startswith("add `padding: $k // 2`")
    item = one(project, "change: {graph.one: {Conv: 9, shape: [8, 16, 16]}}\n")
    assert item.help.startswith("write 8 in place of 9")


def test_broken_yaml_in_the_extended_file_is_shown_there(project):
    (project / "base.yaml").write_text("netspec: [1\n")
    item = one(project, "name: Other\n")
    assert item.code == "NS002"
    assert item.span.source.name.endswith("base.yaml")
    (project / "base.yaml").write_text("- 1\n")
    assert one(project, "change: {graph.one: relu}\n").code == "NS002"


# ------------------------------------------------------------------ which files are read

OUTSIDE = [
    "../../etc/passwd",
    "../secret.yaml",
    "/etc/passwd",
    "/etc/x.yaml",
    "~/x.yaml",
    "~root/x.yaml",
    "http://example.com/x.yaml",
    "file:///etc/x.yaml",
    "C:\\x.yaml",
    "c:x.yaml",
    "..\\x.yaml",
    '"a\\0.yaml"',
    '"a\\n.yaml"',
    "base.yml",
    "base",
    "sub/../../secret.yaml",
    "link.yaml",
    "linked/secret.yaml",
    "a" * 600 + ".yaml",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_that_leave_the_project_are_refused_unread(tmp_path, path):
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    project = tmp_path / "project"
    project.mkdir()
    (project / "sub").mkdir()
    (project / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (project / "linked").symlink_to(tmp_path)
    item = one(project, "", extends=path)
    assert item.code == "NS060"
    assert "hunter2" not in render(item)


def test_the_git_root_and_the_option_widen_the_project(project, capsys):
    (project / "sub").mkdir()
    path = write(project / "sub", "name: Other\n", extends="../base.yaml")
    assert wrong(path)[0].code == "NS060"
    assert main(["check", path, "--root", str(project)]) == 0
    (project / ".git").mkdir()
    assert netspec.load(path).name == "Other"
    assert main(["check", path, "--root", str(project / "sub")]) == 1


def test_without_git_the_nearest_pyproject_marks_the_project(project):
    inner = project / "sub" / "deep"
    inner.mkdir(parents=True)
    path = write(inner, "name: Other\n", extends="../../base.yaml")
    assert "nearest pyproject.toml" in wrong(path)[0].help
    (project / "pyproject.toml").touch()
    assert netspec.load(path).name == "Other"
    (project / "sub" / "pyproject.toml").touch()
    assert wrong(path)[0].code == "NS060", "a project inside of another one"
    (project / ".git").touch()
    assert netspec.load(path).name == "Other", "a project of a repository may use all of it"


def test_links_inside_the_project_are_followed(project):
    (project / "link.yaml").symlink_to(project / "base.yaml")
    path = write(project, "name: Other\n", extends="link.yaml")
    assert netspec.load(path).name == "Other"


@pytest.mark.parametrize("missing", ["nothing.yaml", "directory.yaml", "fifo.yaml", "loop.yaml"])
def test_a_missing_file_is_reported_with_the_chain(project, missing):
    (project / "directory.yaml").mkdir()
    os.mkfifo(project / "fifo.yaml")
    (project / "loop.yaml").symlink_to(project / "loop.yaml")
    write(project, "", "first.yaml", missing)
    item = one(project, "", extends="first.yaml")
    assert item.code == "NS061"
    assert f"v.yaml → {project}/first.yaml → {missing}" in item.message


@pytest.mark.parametrize(
    ("extends", "help"),
    [
        ("bsae.yaml", "did you mean `base.yaml`?"),
        ("sub/bsae.yaml", "did you mean `sub/base.yaml`?"),
        ("resnet.yaml", "there are base.yaml"),
        ("sub/resnet.yaml", "there are sub/base.yaml"),
        ("nowhere/base.yaml", ""),
    ],
)
def test_a_missing_file_is_named_after_those_beside_it(project, extends, help):
    (project / "sub").mkdir()
    (project / "sub" / "base.yaml").write_text(BASE)
    for odd in ("bsae.txt", "bsae:.yaml", "bsa\x1be.yaml"):
        (project / odd).write_text(BASE)
    assert one(project, "", extends=extends).help == help


DEEP = """\
netspec: 1
name: Deep
params: {n: 2, m: 2}
inputs: {image: [3, 16, 16]}
graph:
  stem: {conv2d: [8, 1]}
  body: {conv2d: [8, 1], repeat: $n}
  tail: {conv2d: [8, 1], repeat: $m}
outputs: {y1: tail}
"""


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ("", "changes nothing of deep.yaml"),
        ("params: {n: 5}\n", "with `params` this variant"),
        ("insert: {graph.last: {relu: [], after: stem}}\n", "with `insert` this variant"),
    ],
)
def test_a_variant_that_changes_too_little_is_one_mistake(project, patch, words):
    (project / "deep.yaml").write_text(DEEP)
    expect = "expect: {params: 5000, macs: 1280000, depth: 34}\n"
    item = one(project, patch + expect, extends="deep.yaml")
    assert (item.code, item.span.text) == ("NS056", "deep.yaml")
    assert words in item.message
    assert "deep.yaml has `params: {n: 2, m: 2}`" in item.help
    assert "write" not in item.help
    assert {"5000", "1280000", "34"} <= {note.span.text for note in item.notes}


def test_one_number_that_is_missed_is_no_lost_change(project):
    (project / "deep.yaml").write_text(DEEP)
    item = one(project, "expect: {params: 320, depth: 5, macs: <=1}\n", extends="deep.yaml")
    assert item.span.text == "<=1"


def test_what_a_variant_lacks_is_written_in_the_variant(project):
    (project / "deep.yaml").write_text(
        DEEP.replace("m: 2", "m: 3").replace("[8, 1], repeat: $m", "[8, 3], padding: 1, repeat: $m")
    )
    path = write(project, "params: {m: 7}\n", extends="deep.yaml")
    totals = netspec.load(path).network.totals
    expect = f"expect: {{params: {totals.inference.params}, macs: {totals.inference.macs}}}\n"
    item = one(project, expect, extends="deep.yaml")
    assert item.help.startswith("add `m: 7` to the variant's `params`")


def test_cycles_and_long_chains_are_reported_with_the_chain(project):
    write(project, "", "a.yaml", "b.yaml")
    path = write(project, "", "b.yaml", "a.yaml")
    (item,) = wrong(path)
    assert item.code == "NS061"
    assert item.message.endswith("b.yaml → " + f"{project}/a.yaml → {path}")
    (own,) = wrong(write(project, "", "self.yaml", "self.yaml"))
    assert own.code == "NS061"


def test_eight_links_are_the_limit(project):
    previous = "base.yaml"
    for i in range(8):
        path = write(project, "", f"v{i}.yaml", previous)
        previous = f"v{i}.yaml"
    assert netspec.load(path).name == "Base"
    (item,) = wrong(write(project, "", "v8.yaml", previous))
    assert item.code == "NS061"


def test_a_text_extends_nothing():
    with pytest.raises(SpecError) as caught:
        netspec.loads("netspec: 1\nextends: base.yaml\n")
    assert caught.value.diagnostics[0].code == "NS060"


def test_the_files_of_a_spec_share_the_limits(project):
    filler = "x: [" + "1, " * 300_000 + "1]\n"
    (project / "base.yaml").write_text(BASE + filler)
    item = one(project, "doc: [" + "1, " * 300_000 + "1]\n")
    assert item.code == "NS001"


@pytest.mark.long
def test_ten_thousand_patches_take_a_second(project):

    layers = "".join(f"  x{i}: relu\n" for i in range(10_000))
    (project / "base.yaml").write_text(
        f"netspec: 1\nname: Big\ninputs: {{i: [3]}}\ngraph:\n{layers}outputs: {{y1: z9999}}\n"
    )
    inserted = "".join(
        f"  graph.z{i}: {{relu: [], after: {f'z{i - 1}' if i else 'x9999'}}}\n"
        for i in range(10_000)
    )
    path = write(project, f"insert:\n{inserted}")
    net = netspec.load(path)
    assert len(net.network.graph.nodes) == 20_000


# ------------------------------------------------------------------ torchvision's GoogLeNet


def test_googlenet_bn_is_short():
    assert len((ROOT / "specs/googlenet_bn.yaml").read_text().splitlines()) <= 16


@pytest.fixture(scope="module")
def twins():
    """Return torchvision's GoogLeNet and ours, with the same weights."""
    with declared():
        torch.manual_seed(0)
        theirs = made("googlenet", transform_input=False)
    net = netspec.load(str(ROOT / "specs/googlenet_bn.yaml"))
    ours = net.build()
    source, target = theirs.state_dict(), ours.state_dict()
    keys = sorted(target, key=lambda key: key.startswith("fc."))  # torchvision's `fc` stands last
    assert [v.shape for v in source.values()] == [target[key].shape for key in keys]
    ours.load_state_dict(dict(zip(keys, source.values(), strict=True)))
    return net, ours, theirs


def test_googlenet_bn_has_torchvisions_size(twins):
    net, _, theirs = twins
    totals = net.network.totals
    assert (totals.inference.params, totals.inference.macs) == (6_624_904, 1_498_376_192)
    assert totals.training.params == sum(p.numel() for p in theirs.parameters()) == 13_004_888


def test_googlenet_bn_computes_what_torchvisions_does(twins):
    _, ours, theirs = twins
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        ours.eval(), theirs.eval()
        found = ours(image)
        assert torch.equal(found if isinstance(found, torch.Tensor) else found[0], theirs(image))


def test_googlenet_bn_trains_as_torchvisions_does(twins):
    _, ours, theirs = twins
    image = torch.randn(2, 3, 64, 64)
    for model in (ours, theirs):
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.eval()
    with torch.no_grad():
        found, wanted = ours(image), theirs(image)
    for mine, other in zip(
        found, (wanted.logits, wanted.aux_logits1, wanted.aux_logits2), strict=True
    ):
        assert mine.shape == other.shape
    assert torch.equal(found[0], wanted.logits)


# ------------------------------------------------------------------ whatever a variant says

ODD = ["null", "[]", "{}", "1", "relu", "[1]", "{after: one}", "{relu: [], after: [one]}", "a.b.c"]
PATHS = ["graph.one", "graph", "graph.two.0", "graph.two.9", "blocks.Fork.2.0", "blocks.Fork.2"]
PATHS += ["blocks.Conv", "outputs.y1", "outputs", "inputs.image", ".", "graph.", "graph..one"]
PATHS += ["graph.three.a", "graph.three.join", "blocks", "x" * 300, "graph." + "a." * 100 + "b"]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("section", ["extends", "params", "change", "insert", "remove", "expect"])
def test_odd_values_give_diagnostics(project, section, value):
    text = f"netspec: 1\nextends: base.yaml\n{section}: {value}\n"
    if section == "extends":
        text = f"netspec: 1\nextends: {value}\n"
    (project / "v.yaml").write_text(text)
    try:
        netspec.load(str(project / "v.yaml"))
    except SpecError as error:
        assert all(render(item) for item in error.diagnostics)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("base", ["whole", "graph: [1]", "blocks: 1", "outputs: [x]"])
def test_odd_paths_give_diagnostics(project, path, base):
    if base != "whole":
        (project / "base.yaml").write_text(f"netspec: 1\nname: B\n{base}\n")
    for value in ODD:
        for patch in (f"change: {{{path}: {value}}}", f"insert: {{{path}: {value}}}"):
            try:
                build(project, f"{patch}\nremove: [{path}]\n")
            except SpecError as error:
                assert all(len(render(item)) < 4000 for item in error.diagnostics)


@pytest.mark.parametrize("extends", ["base.yaml", "nothing.yaml", "'/base.yaml'", "3"])
def test_a_wrong_key_hides_no_other_mistake(project, extends):
    path = write(project, "chnge: {graph.none: relu}\nremove: graph.one\n", extends=extends)
    codes = [item.code for item in wrong(path)]
    link = {"nothing.yaml": "NS061", "'/base.yaml'": "NS060", "3": "NS012"}.get(extends)
    assert codes == [link, "NS011", "NS012"] if link else codes == ["NS011", "NS062", "NS012"]
