"""The site's sources: every generated page, its examples, and where its links lead."""

from __future__ import annotations

import base64
import re
import shutil
import zlib
from pathlib import Path
from urllib.parse import unquote

import pytest

import netspec
from docs import finish, generate
from docs.writers import diagnostics, ops, pages
from docs.writers.markdown import PLAYGROUND, edit, table
from netspec.cli import main
from netspec.language import grammar
from netspec.ops.base import REGISTRY
from tests.support import ROOT, SPECS

GRAMMAR = (ROOT / "docs/grammar.md").read_text(encoding="utf-8")
MODELS = {
    "spec": grammar.SpecKeys,
    "variant": grammar.VariantKeys,
    "insertion": grammar.PlaceKeys,
    "input": grammar.InputKeys,
    "expect": grammar.ExpectKeys,
    "block": grammar.BlockKeys,
    "extern": grammar.ExternKeys,
    "keys": grammar.LayerKeys,
}
EDIT = re.compile(rf"\[edit this\]\({re.escape(PLAYGROUND)}#([^)]+)\)")
WRITTEN = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
WRONG: list[str] = []
"""What is wrong with the pages that are written by hand, once the pages are made."""


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return dict(generate.pages(WRONG))


@pytest.mark.parametrize("rule", MODELS)
def test_the_grammar_has_every_key_and_says_which_may_be_absent(rule):
    found = re.search(rf"^{rule} = (?:shape \| )?\{{\n(.*?)^\}}", GRAMMAR, re.DOTALL | re.MULTILINE)
    assert found
    written = re.findall(r"^  (\w+\??):", found[1], re.MULTILINE)
    fields = MODELS[rule].model_fields.items()
    known = [f"{one.alias or name}{'' if one.is_required() else '?'}" for name, one in fields]
    assert sorted(written) == sorted(known)


def test_the_grammar_has_every_join():
    assert {*re.findall(r'"(\w+)"', GRAMMAR.partition("join?:")[2].partition("\n")[0])} == {
        *grammar.JOINS
    }


@pytest.mark.parametrize("name", REGISTRY)
def test_the_example_of_an_op_uses_it_and_compiles_without_a_warning(name, made):
    text = re.search(r'```yaml title="net.yaml"\n(.*?)```', made[f"ops/{name}.md"], re.DOTALL)
    assert text
    net = netspec.loads(text[1])
    assert name in {node.call.op.op_name for node in net.network.graph.nodes.values()}
    assert not net.warnings


def test_every_spec_op_code_and_command_has_a_page(made):
    for path in SPECS:
        assert path.read_text(encoding="utf-8").rstrip() in made[f"gallery/{path.stem}.md"]
    assert len([place for place in made if place.startswith("ops/")]) == len(REGISTRY) + 1


def test_the_commands_of_a_spec_run_as_they_stand(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = re.search(r"```sh\n(.*?)```", made["gallery/nin.md"], re.DOTALL)
    assert found
    for line in found[1].splitlines():
        assert main(line.split()[1:]) == 0
    assert (tmp_path / "model.py").is_file()


def test_the_wrong_example_of_a_code_is_shown_with_what_check_says(made):
    for code in diagnostics.codes():
        text = made[f"diagnostics/{code}.md"]
        assert f"[{code}]: " in text or "```yaml" not in text


def opened(fragment: str) -> dict[str, str]:
    """Return the files that a link to the playground brings; a shipped spec has no text."""
    found = {}
    for part in fragment.split(";"):
        name, _, letters = part.partition(":")
        data = base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
        found[unquote(name)] = zlib.decompress(data, -15).decode() if letters else ""
    return found


def test_the_playground_gets_the_texts_that_the_page_shows():
    texts = {"a b.yaml": "netspec: 1\nname: Größe\n", "b;.yaml": "x"}
    found = EDIT.search(edit(texts["a b.yaml"], "a b.yaml", {"b;.yaml": "x"}))
    assert found and opened(found[1]) == texts


def test_every_link_to_the_playground_holds_specs_of_its_page(made):
    shipped = {path.name for path in SPECS}
    found = [(place, one) for place, text in made.items() for one in EDIT.findall(text)]
    assert len(found) > len(REGISTRY) + len(SPECS)
    for place, fragment in found:
        for name, text in opened(fragment).items():
            assert text in WRITTEN or text in made[place] if text else name in shipped


def test_a_variant_brings_what_it_extends(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    block = '```yaml title="{}"\nnetspec: 1\nextends: {}\n```\n'
    names = [("a.yaml", "googlenet.yaml"), ("b.yaml", "a.yaml"), ("c.yaml", "none.yaml")]
    (tmp_path / "page.md").write_text("".join(block.format(*each) for each in names))
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/googlenet.yaml").write_text("")
    links = EDIT.findall(pages.written(tmp_path / "page.md", []))
    assert [[*opened(link)] for link in links] == [["a.yaml"], ["b.yaml", "a.yaml"]]
    (tmp_path / "next.md").write_text(
        "<!-- after: page.md -->\n" + block.format("d.yaml", "b.yaml")
    )
    links = EDIT.findall(pages.written(tmp_path / "next.md", []))
    assert [[*opened(link)] for link in links] == [["d.yaml", "b.yaml", "a.yaml"]]


def test_every_page_is_in_the_menu_or_in_an_index(made):
    nav = re.findall(r'"([^"]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8"))
    listed = {place for place in nav if place.endswith("/index.md") or place == "gallery.md"}
    assert len(nav) == len({*nav})
    for place in (place for place in made if place.endswith(".md")):
        folder = {f"{Path(place).parent}/index.md", f"{Path(place).parent}.md"}
        assert place in nav or folder & listed, f"{place} is not in zensical.toml"
    assert {*nav} <= {*made}


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ("../../specs/README.md#blocks", "../language.md#blocks"),
        ("../../specs/googlenet.yaml", "../gallery/googlenet.md"),
        ("../../examples/figures/unet.svg", "../assets/figures/unet.svg"),
        ("../../examples/train.py", f"{pages.REPOSITORY}/blob/main/examples/train.py"),
        ("../../examples", f"{pages.REPOSITORY}/tree/main/examples"),
        ("../../README.md", "../index.md"),
        (f"{pages.SITE}ops/conv2d/#shape", "../ops/conv2d.md#shape"),
        (f"{pages.SITE}gallery/", "../gallery.md"),
        ("#here", "#here"),
        ("https://example.org/", "https://example.org/"),
    ],
)
def test_a_link_of_a_page_leads_to_the_same_in_the_site(link, leads):
    assert pages.target(link, "docs/howto/ci.md") == leads


def test_the_pages_written_by_hand_have_only_what_the_site_can_have(made):
    assert WRONG == []


def test_a_page_with_a_link_to_nowhere_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("[a](nothing.md) [b](../up.md)\n\n- x\n  - y\n")
    wrong: list[str] = []
    pages.written(tmp_path / "page.md", wrong)
    assert len(wrong) == 3


def test_a_broken_link_of_the_site_is_found(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "index.html").write_text(
        '<a href="a/#in">1</a><a href="a/#no">2</a><a href="b/">3</a><h1 id="here"></h1>'
        '<a href="#here"></a><a href="https://example.org/x">4</a>'
        '<script src="https://example.org/x.js"></script>'
    )
    (tmp_path / "a/index.html").write_text('<p id="in"><a href="../#here"></a><img src="x.png">')
    assert {line.partition(": ")[0] for line in finish.problems(tmp_path)} == {
        "a/#no leads nowhere",
        "b/ leads nowhere",
        "x.png leads nowhere",
        "https://example.org/x.js is loaded from elsewhere",
    }


def test_a_cell_holds_no_bar_and_markup_of_texts_is_escaped():
    assert table(("a",), [("x | y",)]).splitlines()[2] == "| x \\| y |"
    assert ops.escape("<b> `<b>` *x*") == r"\<b\> `<b>` \*x\*"


# ------------------------------------------------------------------ the language's own examples

LANGUAGE = (ROOT / "specs/README.md").read_text(encoding="utf-8")
FRAGMENTS = re.findall(r"^```yaml\n(.*?)```", LANGUAGE, re.DOTALL | re.MULTILINE)
HEAD = "netspec: 1\nname: Net\ninputs: {image: [64, 224, 224]}\n"
BLOCKS = """
blocks:
  ConvNorm: {params: [out, stride=1], chain: {conv: {conv2d: [$out, 3], stride: $stride}}}
  Residual:
    params: [out, stride=1, drop=0]
    chain:
      conv: {conv2d: [$out, 3], stride: $stride, padding: 1}
      drop: {stochastic_depth: $drop}
  Encoder: {params: [out], chain: {conv: {conv2d: [$out, 1]}}}
"""
REST = {
    "  conv1: {conv2d": "outputs: {y: skip, z: pool1}\n",
    "  features:\n": f"outputs: {{y: conv3_2}}\n{BLOCKS}",
    "  Bottleneck:\n": "outputs: {y: layer2}\n",
    "  SqueezeExcite:\n": "outputs: {y: weigh}\n",
    "init:\n": "graph:\n  conv: {conv2d: [8, 1]}\n  norm: batch_norm2d\noutputs: {y: norm}\n",
}
"""What the fragments of the page leave out, by what each begins with."""


@pytest.mark.parametrize("text", FRAGMENTS)
def test_a_fragment_of_the_language_is_part_of_a_spec_that_compiles(text, tmp_path):
    rest = next((more for start, more in REST.items() if start in text[:40]), None)
    shutil.copy(ROOT / "specs/googlenet.yaml", tmp_path)
    path = tmp_path / "net.yaml"
    path.write_text(text if rest is None else HEAD + text + rest, encoding="utf-8")
    assert [item.message for item in netspec.load(path).warnings] == []
