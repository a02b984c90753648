"""A user's own ops: enabled by the call alone, in no other spec, and then like those of netspec."""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import cache_from_source
from pathlib import Path
from typing import Annotated, ClassVar

import jsonschema
import pytest
import torch
from pydantic import Field

import netspec
from netspec.cli import main
from netspec.compiler import compile_spec
from netspec.language.schema.document import document
from netspec.language.write import written
from netspec.ops import own
from netspec.ops.arguments import Size
from netspec.ops.base import REGISTRY, Call, Gradients, Op, op
from netspec.ops.dim import Shape
from netspec.testing import check_op
from netspec.text.diagnostics import Source
from tests.support import ROOT, compiled, mistakes, one_block, printed, verified

PLACE = ROOT / "examples" / "own_ops"
SPEC = str(PLACE / "net.yaml")
MODULE = "mylib.netspec_ops"
ENABLE = f"--ops {MODULE}"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Python find the library of the example."""
    monkeypatch.syspath_prepend(PLACE)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "mylib"]:
        del sys.modules[name]


def test_the_examples_ops_are_pytorchs() -> None:
    torch.set_num_threads(1)
    for cls in own.enabled_by([MODULE]).values():
        assert check_op(cls, 60) > 20


def test_a_spec_with_own_ops_is_built_checked_and_run() -> None:
    net = netspec.load(SPEC, ops=[MODULE], classes=7)
    source = net.to_python()
    assert "\nimport mylib.layers\nfrom torch import Tensor, nn\n" in source
    assert "self.weigh = mylib.layers.SqueezeExcite(out, squeeze)\n" in source
    assert verified(net.network, source) == []
    x = torch.randn(2, 3, 32, 32)
    assert net.build()(x).shape == (2, 7)
    assert net.features(["stage1"]).build()(x).shape == (2, 16, 16, 16)
    assert "mylib.layers" in net.features(["stage1"]).to_python()
    assert "mylib.squeeze_excite" in written(net.network.spec, {})
    assert net.optimize().build()(x).shape == (2, 7)
    assert {"svg", "dot"} == {form for form in ("svg", "dot") if net.render(form)}
    assert pickle.loads(pickle.dumps(net.network.spec)).own == net.network.spec.own


@pytest.mark.parametrize(
    "command",
    [
        *("check {}", "report {} --by op", "diff {0} {0}", "compare {0} {0}", "build {} -o -"),
        *("sweep {} --set classes=2,3 --jobs 2", "fit {} --to macs<=2M --vary classes"),
        *("render {} -o - --format dot", "optimize {} -o -", "build {} --optimize -o -"),
    ],
)
def test_every_command_that_compiles_takes_the_option(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    words = command.format(SPEC).split()
    assert main([*words, "--ops", MODULE]) == 0
    assert main(words) == 1
    assert "error[NS020]: no op is called `mylib.squeeze_excite`" in "".join(capfd.readouterr())


@pytest.mark.long
def test_the_generated_file_is_verified_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Which finds the library where this process does."""
    arguments = ["build", SPEC, "-o", str(tmp_path / "net.py"), "--verify", "--ops", MODULE]
    assert main(arguments) == 0
    assert "import mylib.layers" in (tmp_path / "net.py").read_text()


def test_an_unknown_op_with_a_namespace_names_the_option_and_imports_nothing() -> None:
    [word] = mistakes(one_block("out: mylib.blur_pool"))
    [call] = mistakes(one_block("out: {mylib.squeeze_excite: 4, bias: false}"))
    for mistake in (word, call):
        assert mistake.code == "NS020"
        assert "`--ops MODULE`" in mistake.help
        assert "`--ops mylib.netspec_ops`" in mistake.help
    with REGISTRY.enabled(own.enabled_by([MODULE])):
        [near] = mistakes(one_block("out: mylib.blur_pol"))
    assert near.help == "did you mean `mylib.blur_pool`?"
    code = f"import netspec, sys\ntry: netspec.load({SPEC!r})\nexcept netspec.SpecError: pass\n"
    code += "sys.exit('mylib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PLACE).returncode == 0


def test_what_one_call_enables_no_other_spec_may_name() -> None:
    netspec.load(SPEC, ops=[MODULE])
    with pytest.raises(netspec.SpecError):
        netspec.load(SPEC)
    with pytest.raises(netspec.SpecError):
        netspec.loads(Path(SPEC).read_text())
    assert "mylib.blur_pool" not in REGISTRY
    assert netspec.loads(Path(SPEC).read_text(), ops=[MODULE]).macs == 1_858_496


@pytest.mark.parametrize("key", ["ops", "allow_import"])
def test_a_name_alone_is_no_list_of_its_letters(key: str) -> None:
    with pytest.raises(TypeError, match=r"write \['mylib'\]"):
        netspec.loads(one_block("out: relu"), **{key: "mylib"})  # type: ignore[arg-type]  # the mistake


def test_an_own_op_is_an_argument_of_a_block() -> None:
    """And of its default, which stands in the class's signature."""
    text = """
    netspec: 1
    name: Net
    inputs: {image: [8, 4, 4]}
    blocks:
      Twice:
        params: [act=mylib.swish]
        chain: {a: {conv2d: [8, 1]}, act: $act}
    graph:
      one: Twice
      out: {Twice: [], act: relu}
    outputs: {y: out}
    """
    with REGISTRY.enabled({"mylib.swish": Swish}):
        network = compiled(text)
    source = netspec.Net(network).to_python()
    assert "act: Callable[[], nn.Module] = nn.Softshrink" in source
    assert "import mylib" not in source
    assert verified(network, source) == []


# ------------------------------------------------------------------ names of packages


def test_no_name_of_a_spec_hides_the_package(tmp_path: Path) -> None:
    text = """
    netspec: 1
    name: Net
    params: {mylib: 4}
    inputs: {mylib: [8, 6, 6]}
    blocks:
      B:
        params: [mylib]
        chain:
          weigh: {mylib.squeeze_excite: $mylib}
          sum:   {add: [], from: [weigh, input]}
    graph:
      a:   {B: $mylib}
      sum: {add: [], from: [a, mylib]}
    outputs: {mylib: sum}
    """
    with REGISTRY.enabled(own.enabled_by([MODULE])):
        network = compiled(text)
    assert verified(network, netspec.Net(network).to_python()) == []


@op("big.thing")
class Thing(Op):
    """Do nothing."""

    module: ClassVar[str] = "Library.layers.Thing"
    style: ClassVar[str] = "other"


@op("mylib.swish")
class Swish(Op):
    """A class of torch that netspec has no op for."""

    module: ClassVar[str] = "nn.Softshrink"
    style: ClassVar[str] = "activation"


def test_a_class_of_a_spec_has_another_name_than_a_package() -> None:
    block = one_block("out: Library").replace(
        "graph:", "blocks: {Library: {chain: [relu]}}\ngraph:"
    )
    network = one_block("out: relu").replace("name: Net", "name: Library")
    with REGISTRY.enabled({"big.thing": Thing}):
        for text in (block, network):
            [mistake] = mistakes(text)
            assert mistake.code == "NS015"
            assert "`Library` is a package" in mistake.message
    assert not mistakes(network)


# ------------------------------------------------------------------ what is refused


def module(folder: Path, text: str, name: str = "theirs") -> str:
    """Write a module that Python finds; return its name."""
    head = "from typing import ClassVar\nfrom netspec.ops.base import Op, op\n"
    file = folder / f"{name}.py"
    file.write_text(head + text)
    # Within a second Python takes a file of the same size for the one that it compiled.
    Path(cache_from_source(str(file))).unlink(missing_ok=True)
    sys.path.insert(0, str(folder))
    sys.modules.pop(name, None)
    return name


GOOD = '''
@op("their.name")
class Name(Op):
    """Do nothing."""
    module: ClassVar[str] = "nn.Identity"
    style: ClassVar[str] = "other"
'''


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("their.name", "name", "write `mylib.name`"),
        ("their.name", "relu", "netspec has an op `relu`; write `mylib.relu`"),
        ("their.name", "Their.Name", "write `mylib.name`"),
        ("their.name", "a.b.c", "write `mylib.c`"),
        ('    """Do nothing."""\n', "", "a docstring is missing"),
        ('    module: ClassVar[str] = "nn.Identity"\n', "", "`module: ClassVar[str]` is missing"),
        ('    style: ClassVar[str] = "other"\n', "", "`style: ClassVar[str]` is missing"),
        ('"other"', '"mine"', "pictures know: conv, transposed"),
        ('"other"', '"other"\n    other: ClassVar[str] = "mine"', "reports know: pooling"),
        ('"other"', '"other"\n    size: int = 1', "`size` has a type of no kind"),
        ("nn.Identity", "os.system('a')", "`module` cannot be imported"),
        ("nn.Identity", "a.class.B", "`module` cannot be imported"),
        ("nn.Identity", "self.a.B", "`module` cannot be imported"),
        ("nn.Identity", "Identity", "`module` is the path of a class"),
    ],
)
def test_a_class_that_netspec_cannot_take_is_refused(
    old: str, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert old in GOOD
    assert [*own.enabled_by([module(tmp_path, GOOD)])] == ["their.name"]
    name = module(tmp_path, GOOD.replace(old, new))
    with pytest.raises(own.OpsError, match=r"theirs.Name: ") as error:
        own.enabled_by([name])
    assert message in str(error.value)
    assert main(["check", SPEC, "--ops", name]) == 2


def test_a_kind_that_pictures_do_not_know_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = module(tmp_path, GOOD + '\n    def kind(self):\n        return "mine"\n')
    (tmp_path / "net.yaml").write_text(one_block("out: their.name"))
    assert ">other</text>" in printed(f"render {tmp_path}/net.yaml -o - --ops {name}")


def test_two_ops_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    twice = module(tmp_path, GOOD + GOOD.replace("class Name", "class Other"))
    with pytest.raises(own.OpsError, match=r"two ops are called `their.name`: theirs.Name and "):
        own.enabled_by([twice])
    one, two = module(tmp_path, GOOD, "one"), module(tmp_path, GOOD, "two")
    with pytest.raises(own.OpsError, match=r"one.Name and two.Name"):
        own.enabled_by([one, two])
    # The same class in two modules is one op, as is a module that is named twice.
    again = module(tmp_path, "from one import Name\n", "again")
    assert [*own.enabled_by([one, again, one])] == ["their.name"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_here", "ModuleNotFoundError: No module named 'nothing_here'"),
        ("raise RuntimeError('a\\nb')", "RuntimeError: a"),
        ("raise SystemExit", "cannot import the ops of `theirs`: SystemExit"),
        ("1 +", "SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_does_not_import_is_told_with_its_error(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = module(tmp_path, text)
    shown = printed(f"check {SPEC} --ops {name}")
    assert message in shown
    assert len(shown.splitlines()) == 1
    assert main(["check", SPEC, "--ops", name]) == 3
    with pytest.raises(ImportError):
        netspec.load(SPEC, ops=[name])


def test_a_rule_that_raises_is_the_ops_mistake_and_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    rule = "\n    def shape(self, *inputs):\n        return {}[inputs]\n"
    name = module(tmp_path, GOOD + rule)
    (tmp_path / "net.yaml").write_text(one_block("out: their.name"))
    assert "the op `their.name` of your own raises KeyError" in printed(
        f"check {tmp_path}/net.yaml --ops {name}"
    )
    assert main(["check", f"{tmp_path}/net.yaml", "--ops", name]) == 3


@pytest.mark.parametrize("name", ["", ".", "a b", "a/b.py", "a..b", "os.system('x')", "class"])
def test_what_names_no_module_is_refused(name: str) -> None:
    assert main(["check", SPEC, "--ops", name]) == 2


def test_a_module_without_ops_is_refused_and_leaves_no_op(tmp_path: Path) -> None:
    before = [*REGISTRY]
    for name in ("mylib.layers", "netspec.ops.conv"):
        with pytest.raises(own.OpsError, match="has no ops"):
            own.enabled_by([name])
    own.enabled_by([MODULE])
    assert [*REGISTRY] == before


# ------------------------------------------------------------------ what is told of them


def test_the_schema_and_the_pages_have_what_is_enabled() -> None:
    assert "mylib.blur_pool" not in json.dumps(document())
    with REGISTRY.enabled(own.enabled_by([MODULE])):
        schema = document()
    spec = {
        "netspec": 1,
        "name": "Net",
        "inputs": {"image": [8, 4, 4]},
        "graph": {"a": {"mylib.squeeze_excite": 4, "bias": False}, "b": "mylib.blur_pool"},
        "outputs": {"y": "b"},
    }
    jsonschema.validate(spec, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spec | {"graph": {"a": {"mylib.squeeze_excite": -1}}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spec, document())
    assert "mylib.blur_pool" in printed(f"ops {ENABLE}")
    page = printed(f"ops mylib.squeeze_excite {ENABLE}")
    assert "squeeze  how many channels" in page
    assert page.endswith("in PyTorch: mylib.layers.SqueezeExcite\n")
    assert "`--ops MODULE` enables" in printed("ops mylib.squeeze_excite")
    assert "mylib.blur_pool" in printed(f"schema {ENABLE}")


def test_what_a_package_offers_is_listed_but_not_imported(tmp_path: Path) -> None:
    info = tmp_path / "theirs-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: theirs\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[netspec.ops]\ntheirs = theirs.netspec_ops\n")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "__init__.py").write_text("raise SystemExit(9)")
    code = "import sys; sys.path.append(sys.argv.pop(1)); from netspec.cli import main; main()"
    words = [sys.executable, "-c", code, str(tmp_path), "ops"]
    result = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0
    assert (
        "installed, but not enabled:\n  --ops theirs.netspec_ops  (of theirs 1.2)" in result.stdout
    )
    assert not importlib.metadata.entry_points(group="netspec.ops.none")


def test_the_page_tells_all_that_a_class_may_define() -> None:
    text = (ROOT / "docs" / "howto" / "own_ops.md").read_text()
    _, _, table = text.partition("| name | what it says | default |")
    cells = [line.split("|")[1] for line in table.partition("\n\n")[0].splitlines()[2:]]
    told = {name for cell in cells for name in re.findall(r"`(\w+)", cell)}
    public = {name for name in vars(Op) if name[0] != "_" and not name.startswith("model_")}
    annotated = {name for name in Op.__annotations__ if name[0] != "_"}
    derived = {"op_name", "model_config", "bind", "computed_from", "in_sequence", "is_wrapped"}
    assert told == (public | annotated) - derived
    example = text.partition("## An op class\n\n```python\n")[2].partition("```")[0]
    scope: dict[str, type[Op]] = {}
    exec(compile(example, "page", "exec", dont_inherit=True), scope)  # type: ignore[arg-type]  # names of modules too
    page = scope["SqueezeExcite"](squeeze=2)  # type: ignore[call-arg]  # a field
    assert page.weights((8, 5, 5)) == {"fc1.weight": (2, 8, 1, 1), "fc2.weight": (8, 2, 1, 1)}


# ------------------------------------------------------------------ the comparison with PyTorch


class Wrong(Swish):
    """An op with a mistake."""


def wrong_shape(self: Op, *inputs: Shape) -> Shape:
    return (*inputs[0][:-1], inputs[0][-1] + 1)


def only_numbers(self: Op, *inputs: Shape) -> Shape:
    return tuple(int(size) for size in inputs[0])  # type: ignore[arg-type]  # the mistake


def weights(self: Op, *inputs: Shape) -> dict[str, Shape]:
    return {"weight": (1,)}


@pytest.mark.parametrize(
    ("name", "rule", "message"),
    [
        ("shape", wrong_shape, "PyTorch Seen"),
        ("shape", only_numbers, "do not run on names"),
        ("weights", weights, "PyTorch Seen"),
        ("buffers", weights, "PyTorch Seen"),
        ("check", lambda self, *inputs: iter([1]), "the class says None"),
        (
            "torch",
            lambda self, *inputs: Call("nn.Tanhshrink"),
            "generated code calls nn.Softshrink",
        ),
    ],
)
def test_a_mistake_of_a_class_is_found(
    name: str, rule: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_op(Swish, 20) == 20
    monkeypatch.setattr(Wrong, name, rule, raising=False)
    with pytest.raises(AssertionError, match=message):
        check_op(Wrong, 20)


def test_wrong_multiply_adds_are_found_and_settings_may_be_given() -> None:
    cls = own.enabled_by([MODULE])["mylib.squeeze_excite"]
    given = [({"squeeze": 2}, ((4, 3, 3),)), ({"squeeze": 8}, ((4, 3, 3),))]
    assert check_op(cls, given) == 1
    with pytest.raises(AssertionError, match="no setting is accepted"):
        check_op(cls, given[1:])

    class Costly(cls):  # type: ignore[misc, valid-type]  # a class of the example
        def cost(self, *inputs: Shape) -> object:
            return super().cost(*inputs)._replace(macs=1)

    with pytest.raises(AssertionError, match=r"1 MACs, 16\.0 counted"):
        check_op(Costly, given)


def test_wrong_gradients_are_found_where_a_class_says_them() -> None:
    cls = own.enabled_by([MODULE])["mylib.squeeze_excite"]
    given = [({"squeeze": 2}, ((4, 3, 3),))]

    class Exact(cls):  # type: ignore[misc, valid-type]  # a class of the example
        def backward(self, wanted: Sequence[bool], *inputs: Shape) -> Gradients:
            each = self.cost(*inputs).macs // 2
            return Gradients(each * any(wanted), 3 * each)

    class Wrong(Exact):  # type: ignore[misc, valid-type]
        def backward(self, wanted: Sequence[bool], *inputs: Shape) -> Gradients:
            return super().backward((True,), *inputs)

    assert check_op(Exact, given) == 1
    with pytest.raises(
        AssertionError, match=r"32 MACs backward, 24\.0 counted, inputs wanted: False"
    ):
        check_op(Wrong, given)


def test_what_a_class_refuses_though_pytorch_accepts_it_is_said() -> None:
    class Strict(Swish):
        size: Annotated[Size, Field(description="unused")] = 1

    with pytest.raises(AssertionError):
        check_op(Strict, [({"size": 0}, ((1,),)), ({}, ((1,),))])
    settings = [({"lambd": 0.5}, ((1,),)), ({}, ((1,),))]
    assert check_op(Swish, settings, lambda arguments, shapes: "lambd" in arguments) == 1


def test_compiling_with_an_own_op_costs_no_import_of_torch() -> None:
    code = "import sys; from netspec.cli import main; main(sys.argv[1:]);"
    code += "sys.exit('torch' in sys.modules)"
    words = [sys.executable, "-c", code, "check", SPEC, "--ops", MODULE]
    environment = {"PYTHONPATH": f"{ROOT}:{PLACE}"}
    assert subprocess.run(words, env=environment, cwd="/").returncode == 0
    with REGISTRY.enabled(own.enabled_by([MODULE])):
        network = compile_spec(Source("net.yaml", Path(SPEC).read_text()))
    assert network.totals.inference.macs == 1_858_496
