"""Externs: a spec declares a class, nothing imports it, and only the call lets code import it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import torch

import netspec
from netspec.cli import main
from netspec.emit.diff import diff, render
from netspec.language.fmt.text import formatted
from netspec.language.write import written
from netspec.testing import check_op
from netspec.text.diagnostics import Source, SpecError
from tests.support import ROOT, compiled, draws, mistakes, mostly, one_block, printed, verified

PLACE = ROOT / "examples" / "own_ops"
SPEC = str(PLACE / "externs.yaml")
TEXT = Path(SPEC).read_text()
ALLOW = {"allow_import": ["mylib"]}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Python find the library of the example."""
    monkeypatch.syspath_prepend(PLACE)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "mylib"]:
        del sys.modules[name]


def with_extern(extern: str, layer: str = "Gate", **more: str) -> str:
    """Return a spec whose last layer is an extern, declared on one line."""
    text = one_block(
        f"{more.get('before', '')}\nout: {layer}", more.get("inputs", "image: [8, 6, 6]")
    )
    return text.replace("graph:", f"externs: {{Gate: {extern}}}\ngraph:")


# ------------------------------------------------------------------ what it comes to


def test_it_is_the_network_that_names_ops() -> None:
    net, other = (
        netspec.load(SPEC, **ALLOW),
        netspec.load(PLACE / "net.yaml", ops=["mylib.netspec_ops"]),
    )
    for key in ("parameters", "macs", "depth", "outputs", "layers"):
        assert getattr(net, key) == getattr(other, key)
    assert net.network.tensors() == other.network.tensors()
    source = net.to_python()
    assert "self.blur = mylib.layers.BlurPool(in_channels=out)" in source
    assert verified(net.network, source) == []
    x = torch.randn(2, 3, 32, 32)
    assert net.build(classes=4)(x).shape == (2, 4)
    assert net.features(["stage1"]).build()(x).shape == (2, 16, 16, 16)
    assert net.optimize().build()(x).shape == (2, 10)


@pytest.mark.long
def test_the_real_class_is_verified(tmp_path: Path) -> None:
    words = ["-o", str(tmp_path / "net.py"), "--verify", "--allow-import", "mylib"]
    assert main(["build", SPEC, *words]) == 0
    for old, new, what in (
        ("flat:   flatten", "flat:   {reshape: [[32]]}", ""),
        ("fc1.bias: [$squeeze]\n", "fc1.bias: [$squeeze + 1]\n", "state_dict"),
        ("fc1.bias: [$squeeze]\n", "fc1.bais: [$squeeze]\n", "state_dict"),
        ("macs: 2 *", "macs: 3 *", "macs"),
        ("shape: [null, ", "shape: [$in_channels * 2 // 2, ", ""),
        ("$in_width - 1) // 2 + 1]", "$in_width - 1) // 2 + 2]", "layers"),
    ):
        assert old in TEXT
        text = TEXT.replace(old, new).replace(", shape: [16, 16, 16]", "")
        network = netspec.loads(text.replace(", shape: [32, 8, 8]", ""), **ALLOW).network
        found = verified(network, netspec.Net(network).to_python())
        assert any(line.startswith(f"  {what}: inferred") for line in found) == bool(what), new
        assert bool(found) == bool(what)


def test_sizes_that_follow_from_the_image_are_numbers_or_arguments() -> None:
    text = """
    netspec: 1
    name: Net
    inputs: {image: [3, 16, 16]}
    externs:
      LayerNorm:
        import: torch.nn
        arguments: {normalized_shape: $in_width, bias: false}
        shape: same
        weights: {weight: [$in_width]}
    blocks:
      Down:
        chain: {norm: LayerNorm, pool: {max_pool2d: 2}}
    graph: {one: Down, two: Down, out: {linear: 3}}
    outputs: {y: out}
    """
    net = netspec.loads(text.replace("\n    ", "\n"), allow_import=["torch.nn"])
    source = net.to_python()
    assert "self.norm = torch.nn.LayerNorm(\n" in source
    assert "normalized_shape=norm_normalized_shape, bias=False" in source
    assert "\nimport torch.nn\nfrom torch import Tensor, nn\n" in source
    assert verified(net.network, source) == []


def test_several_inputs_and_words() -> None:
    extern = (
        "{import: torch.nn.modules.distance, inputs: [low, high], arguments: {p: $p, keepdim: true}"
    )
    text = with_extern(
        extern.replace("Gate", "X") + ", params: [p=2], shape: [$low_channels, $low_height, 1]}",
        "{PairwiseDistance: 1, from: [image, other]}",
        inputs="image: [8, 6, 6], other: [8, 6, 6]",
    ).replace("Gate", "PairwiseDistance")
    net = netspec.loads(text, allow_import=["torch.nn.modules"])
    assert net.outputs == {"y1": (8, 6, 1)}
    assert verified(net.network, net.to_python()) == []
    pool = "{import: torch.nn, arguments: {scale_factor: 2, mode: nearest}, shape: [null, 12, 12]}"
    net = netspec.loads(with_extern(pool).replace("Gate", "Upsample"), allow_import=["torch"])
    assert "mode='nearest'" in net.to_python() or 'mode="nearest"' in net.to_python()
    assert verified(net.network, net.to_python()) == []


CLASSES = {
    "Conv2d": """
      import: torch.nn
      params: [out, k, s=1, p=0]
      arguments:
        {in_channels: $in_channels, out_channels: $out, kernel_size: $k, stride: $s, padding: $p}
      shape: [$out, ($in_height + 2 * $p - $k) // $s + 1, ($in_width + 2 * $p - $k) // $s + 1]
      weights: {weight: [$out, $in_channels, $k, $k], bias: [$out]}
      macs: $out * $in_channels * $k * $k
        * (($in_height + 2 * $p - $k) // $s + 1) * (($in_width + 2 * $p - $k) // $s + 1)
    """,
    "BatchNorm2d": """
      import: torch.nn.modules.batchnorm
      arguments: {num_features: $in_channels}
      shape: same
      weights: {weight: [$in_channels], bias: [$in_channels]}
      buffers: {running_mean: [$in_channels], running_var: [$in_channels], num_batches_tracked: []}
    """,
    "Linear": """
      import: torch.nn
      params: [out, bias=false]
      arguments: {in_features: $in_features, out_features: $out, bias: $bias}
      shape: [null, null, $out]
      weights: {weight: [$out, $in_features]}
      macs: $in_channels * $in_height * $in_features * $out
    """,
}


@pytest.mark.parametrize("name", CLASSES)
def test_a_declaration_of_a_class_of_pytorch_is_that_class(name: str) -> None:
    """In an expression a size may come to anything: what comes to none is refused as by PyTorch."""
    torch.set_num_threads(1)
    random = Random(name)
    text = one_block("out: relu").replace("graph:", f"externs:\n  {name}:{CLASSES[name]}\ngraph:")
    cls = netspec.loads(text).network.spec.ops[name]
    params = [key for key in cls.model_fields if key != "bias"]
    settings = [
        ({key: random.randint(1, 5) for key in params}, ((random.randint(1, 4), *sizes),))
        for sizes in ((random.randint(1, 9), random.randint(1, 9)) for _ in range(draws(60, 600)))
    ]
    assert check_op(cls, settings) > 20


# ------------------------------------------------------------------ permission


@pytest.mark.parametrize("allowed", [[], [""], ["my"], ["mylib.layer"], ["mylib.layers.x"], ["os"]])
def test_without_permission_no_code_is_written(allowed: list[str]) -> None:
    net = netspec.load(SPEC, allow_import=allowed)
    for act in (net.to_python, net.build, net.optimize().build, net.features(["stage1"]).build):
        with pytest.raises(SpecError) as error:
            act()
        assert {item.code for item in error.value.diagnostics} == {"NS064"}
        assert "`--allow-import mylib`" in error.value.diagnostics[0].help
    assert "mylib" not in sys.modules


@pytest.mark.parametrize("allowed", ["mylib", "mylib.layers"])
def test_a_package_and_a_module_can_be_allowed(allowed: str) -> None:
    assert "import mylib.layers\n" in netspec.load(SPEC, allow_import=[allowed]).to_python()


HARMLESS = [
    *("check {}", "report {}", "render {} -o - --format svg", "render {} -o - --format html"),
    *(
        "diff {0} {0}",
        "compare {0} {0}",
        "optimize {} -o -",
        "fmt --check {}",
        "fit {} --to macs<=2M",
    ),
    *("sweep {} --set classes=2,3", "build {} -o -", "build {} -o - --verify", "profile {}"),
    *("export {} -o x.onnx", "bench {} --engines eager"),
]


@pytest.mark.parametrize("command", mostly(["check {}", "build {} -o -"], HARMLESS))
def test_no_command_imports_what_only_the_spec_names(command: str, tmp_path: Path) -> None:
    """The package leaves a mark if it is imported, from a place that Python looks at first."""
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "__init__.py").write_text("open('mark', 'w').close()\n")
    (tmp_path / "evil" / "layers.py").write_text("")
    (tmp_path / "s.yaml").write_text(TEXT.replace("mylib", "evil"))
    code = "import sys; from netspec.cli import main; sys.exit(main(sys.argv[1:]))"
    words = command.format("s.yaml").replace("macs<=2M", "macs<=2M --vary classes").split()
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin"}
    run = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, env=environment, capture_output=True
    )
    writes = words[0] in ("build", "profile", "export", "bench")
    assert run.returncode == (1 if writes else 0), run.stderr
    assert (b"NS064" in run.stderr) == writes
    assert not (tmp_path / "mark").exists()


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("extern", "layer", "code", "message"),
    [
        ("{shape: same}", "Gate", "NS010", "needs `import:`"),
        ("{import: a.b}", "Gate", "NS010", "needs `shape:`"),
        ("{import: 'os; x', shape: same}", "Gate", "NS013", "cannot import"),
        ("{import: a.class, shape: same}", "Gate", "NS013", "cannot import"),
        ("{import: self.b, shape: same}", "Gate", "NS013", "cannot import"),
        ("{import: a, shape: other}", "Gate", "NS012", "`same` or a list of sizes"),
        ("{import: a, shape: []}", "Gate", "NS012", "`same` or a list of sizes"),
        ("{import: a, shape: [8, 0, 1]}", "Gate", "NS012", "a size is a positive integer"),
        ("{import: a, shape: [$x, 1]}", "Gate", "NS017", "no parameter is called `$x`"),
        ("{import: a, shape: [$classes]}", "Gate", "NS017", "no parameter is called `$classes`"),
        ("{import: a, shape: same, macs: -1}", "Gate", "NS035", "an integer of 0 or more"),
        ("{import: a, shape: same, macs: 1.5}", "Gate", "NS035", "an integer of 0 or more"),
        ("{import: a, shape: same, weights: {w: 3}}", "Gate", "NS012", "`w` expects a shape"),
        (
            "{import: a, shape: same, weights: {a b: [3]}}",
            "Gate",
            "NS013",
            "no key of a state_dict",
        ),
        ("{import: a, shape: same, weights: [3]}", "Gate", "NS012", "a mapping"),
        ("{import: a, shape: same, arguments: {class: 1}}", "Gate", "NS013", "no argument"),
        ("{import: a, shape: same, arguments: {_x: 1}}", "Gate", "NS013", "no argument"),
        ("{import: a, shape: same, arguments: {x: 'a b'}}", "Gate", "NS035", "or a word"),
        ("{import: a, shape: same, arguments: {x: [1, 2]}}", "Gate", "NS012", "is one value"),
        ("{import: a, shape: same, params: [x=relu]}", "Gate", "NS035", "is no number: `relu`"),
        ("{import: a, shape: same, weigths: {w: [3]}}", "Gate", "NS011", "`weigths` is not a key"),
        ("{import: a, shape: same, params: [x]}", "Gate", "NS033", "`Gate` needs `x`"),
        ("{import: a, shape: same, params: [x]}", "{Gate: [1, 2]}", "NS030", "takes 1 argument"),
        ("{import: a, shape: same, params: [x]}", "{Gate: 1, y: 2}", "NS031", "no argument `y`"),
        ("{import: a, shape: same, params: [x]}", "{Gate: word}", "NS035", "a number, `true`"),
        ("{import: a, shape: [$x - 9], params: [x]}", "{Gate: 9}", "NS035", "`shape` comes to 0"),
        (
            "{import: a, shape: same, macs: 8 // $x, params: [x]}",
            "{Gate: 0}",
            "NS016",
            "division by",
        ),
        (
            "{import: a, shape: same, macs: 1 / $x, params: [x]}",
            "{Gate: 3}",
            "NS035",
            "comes to 0.33",
        ),
        ("{import: a, shape: [1, 2, 3, null]}", "Gate", "NS050", "keeps dimension 4"),
        ("{import: a, shape: same, inputs: [x, z]}", "Gate", "NS026", "reads 2 inputs, found 1"),
    ],
)
def test_a_mistake_is_told(extern: str, layer: str, code: str, message: str) -> None:
    found = mistakes(with_extern(extern, layer))
    assert [item.code for item in found if item.severity == "error"] == [code]
    assert message in found[0].message


def test_a_size_that_the_input_has_not_is_told() -> None:
    extern = "{import: a, shape: [$in_height]}"
    [found] = mistakes(with_extern(extern, before="flat: flatten"))
    assert found.code == "NS050"
    assert found.message == "`$in_height` needs an input of 3 dimensions, found 1"


@pytest.mark.parametrize("name", ["gate", "Other-Name"])
def test_its_name_is_a_class(name: str) -> None:
    text = with_extern("{import: a, shape: same}", "relu").replace("Gate", name)
    assert "NS013" in {item.code for item in mistakes(text)}


def test_names_clash() -> None:
    text = with_extern("{import: a, shape: same}").replace(
        "externs:", "blocks: {Gate: {chain: [relu]}}\nexterns:"
    )
    assert "an extern and a block are called `Gate`" in {item.message for item in mistakes(text)}
    text = with_extern("{import: Net.layers, shape: same}")
    assert "`Net` is a package" in mistakes(text)[0].message


def test_what_is_declared_and_not_used_is_a_warning() -> None:
    text = with_extern("{import: a, shape: same, params: [x], arguments: {y: 1}}", "relu")
    found = {(item.severity, item.message) for item in mistakes(text)}
    unused = {"nothing uses the extern `Gate`", "no expression uses the parameter `x`"}
    assert found == {("warning", message) for message in unused}


def test_a_misspelt_extern_is_meant() -> None:
    found = mistakes(with_extern("{import: a, shape: same}", "Gaet"))
    assert found[0].help == "did you mean `Gate`?"


# ------------------------------------------------------------------ variants, diff, text


def test_a_variant_changes_inserts_and_removes_it(tmp_path: Path) -> None:
    text = TEXT.replace(", shape: [16, 16, 16]", "").replace(", shape: [32, 8, 8]", "")
    (tmp_path / "base.yaml").write_text(text)
    head = "netspec: 1\nextends: base.yaml\n"
    change = "change: {externs.BlurPool: {import: other.layers, shape: same}}\n"
    (tmp_path / "change.yaml").write_text(
        head + change + "insert: {externs.New: {import: a, shape: same}, "
        "graph.new: {New: [], after: pool}}\n"
    )
    (tmp_path / "remove.yaml").write_text(
        head + "remove: [externs.BlurPool, externs.SqueezeExcite]\n"
        "change: {blocks.Residual.weigh: relu, blocks.Residual.blur: {max_pool2d: 2}}\n"
    )
    changed = netspec.load(tmp_path / "change.yaml")
    assert changed.layers["stage1.blur"] == (16, 32, 32)
    assert [*changed.network.spec.externs] == ["SqueezeExcite", "BlurPool", "New"]
    net = netspec.load(tmp_path / "remove.yaml")
    assert not net.network.spec.externs
    assert net.to_python()


def test_diff_tells_a_declaration_from_another() -> None:
    before = netspec.loads(TEXT).network
    same = netspec.loads(TEXT.replace("Weigh the channels", "Another text")).network
    assert not diff(before, same).layers
    after = netspec.loads(TEXT.replace("macs: 2 *", "macs: 3 *")).network
    shown = render(diff(before, after), "text")
    assert "~ stage1.weigh  SqueezeExcite squeeze: 4, declared otherwise" in shown
    other = netspec.loads(TEXT.replace("SqueezeExcite: $squeeze", "SqueezeExcite: $squeeze + 1"))
    assert "squeeze: 4 → 5" in render(diff(before, other.network), "text")


def test_a_spec_is_written_as_it_was_read() -> None:
    network = netspec.loads(TEXT).network
    text = written(network.spec, {})
    again = compiled(text)
    assert {k: x.declared for k, x in again.spec.externs.items()} == {
        k: x.declared for k, x in network.spec.externs.items()
    }
    assert again.totals == network.totals
    assert formatted(Source("a", text)) == text
    copy = pickle.loads(pickle.dumps(network.spec))
    assert copy.ops == network.spec.ops
    assert [layer.call.op for layer in copy.layers() if hasattr(layer.call, "op")] == [
        layer.call.op for layer in network.spec.layers() if hasattr(layer.call, "op")
    ]


@pytest.mark.parametrize("key", ["0", "1.0", "1.10", "0.weight", "true", "a.b"])
def test_a_key_is_written_as_it_was_read(key: str) -> None:
    spec = netspec.loads(
        with_extern(f"{{import: a, shape: same, weights: {{{key}: [3]}}}}")
    ).network
    again = compiled(written(spec.spec, {})).spec.externs["Gate"].declared
    assert again == spec.spec.externs["Gate"].declared
    assert dict(again.weights) == {key: (3,)}


def test_the_order_of_its_keys_is_that_of_the_grammar() -> None:
    text = "netspec: 1\nname: N\nexterns:\n  Gate:\n    shape: same\n    import: a\n"
    shown = formatted(Source("a", text))
    assert shown.index("import: a") < shown.index("shape: same")
    text = "netspec: 1\nextends: a.yaml\ninsert: {externs.G: {shape: same, import: a}}\n"
    assert "{import: a, shape: same}" in formatted(Source("a", text))


def test_one_and_true_are_two_declarations() -> None:
    texts = [with_extern(f"{{import: a, shape: same, params: [x={x}]}}") for x in ("1", "true")]
    one, two = (netspec.loads(text, allow_import=["a"]).to_python() for text in texts)
    assert "a.Gate(x=1)" in one
    assert "a.Gate(x=True)" in two


def test_it_is_drawn_and_counted() -> None:
    assert "SqueezeExcite" in printed(f"report {SPEC} --by op")
    assert "SqueezeExcite" in printed(f"render {SPEC} -o - --format dot")
