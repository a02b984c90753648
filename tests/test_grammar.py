"""A key of the language is one field of one model: what reads, orders and documents it follows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import chain

import pytest

from netspec.language.grammar import (
    BlockKeys,
    ExpectKeys,
    ExternKeys,
    InsertionKeys,
    SpecKeys,
    TensorKeys,
    VariantKeys,
)
from netspec.language.keys import Keys
from tests.support import ROOT, mistakes

EXAMPLE = "for example `freeze: all`"
MODELS = (SpecKeys, VariantKeys, BlockKeys, ExternKeys, InsertionKeys, ExpectKeys, TensorKeys)
FIELD = """
    freeze: Annotated[Scalar | None, kinds.Word({"enum": ["all", "bias"]})] = key(
        None, "which of its tensors training leaves alone", "all"
    )
"""
SPEC = """\
netspec: 1
name: Net
inputs: {image: [3, 8, 8]}
graph:
  conv: {freeze: all, conv2d: [4, 1], doc: a first layer}
  last: relu
outputs: {y: last}
"""
USES = """
import json, re
from netspec.compiler import compile_spec
from netspec.language.fmt.text import formatted
from netspec.language.schema.document import document
from netspec.text.diagnostics import Source, SpecError
from tests.test_readme import keys

def said(text):
    try:
        return compile_spec(Source("spec.yaml", text)).spec.model.body.layers[0].said.freeze.text
    except SpecError as error:
        return [[item.message, item.help, item.span.text] for item in error.diagnostics]

spec = SPEC
print(json.dumps({
    "read": said(spec),
    "wrong": said(spec.replace("freeze: all", "freeze: 7")),
    "misspelt": said(spec.replace("freeze: all", "freese: all")),
    "written": formatted(Source("spec.yaml", spec)).splitlines()[4],
    "offered": document()["definitions"]["layer"]["anyOf"][0]["allOf"][1]["then"]["properties"],
    "told": document()["definitions"]["keys"].get("freeze"),
    "shown": keys(re.match(r"<!-- keys: (LayerKeys) -->", "<!-- keys: LayerKeys -->")),
}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Return what a copy of the program makes of one more key, which stands in its grammar only."""
    place = tmp_path_factory.mktemp("copy")
    shutil.copytree(
        ROOT / "netspec", place / "netspec", ignore=shutil.ignore_patterns("__pycache__")
    )
    grammar = place / "netspec/language/grammar.py"
    head, doc, tail = grammar.read_text().partition('    doc: Doc = key("", "a sentence')
    grammar.write_text(head + FIELD.lstrip("\n") + doc + tail)
    path = os.pathsep.join((str(place), str(ROOT)))
    code = USES.replace("= SPEC", f"= {SPEC!r}")
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=place,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert result.returncode == 0, result.stderr
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def test_a_new_key_is_read(found):
    assert found["read"] == "all"


def test_a_new_key_of_the_wrong_type_is_refused(found):
    assert found["wrong"] == [["`freeze` expects a word, found the number 7", EXAMPLE, "7"]]


def test_a_new_key_is_suggested(found):
    ((message, help, text),) = found["misspelt"]
    assert (message, text) == ("`conv2d` has no argument `freese`", "freese")
    assert help == "did you mean `freeze`?"


def test_a_new_key_has_its_place(found):
    assert found["written"] == "  conv: {conv2d: [4, 1], freeze: all, doc: a first layer}"


def test_a_new_key_is_completed_and_documented(found):
    description = "which of its tensors training leaves alone"
    assert found["offered"]["freeze"] == {"$ref": "#/definitions/keys/freeze"}
    assert found["told"] == {
        "title": "freeze",
        "enum": ["all", "bias"],
        "description": description,
    }
    assert f"| `freeze: all` | {description} |" in found["shown"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_has_a_kind_and_a_description(model: type[Keys]):
    assert len(model.kinds()) == len(model.model_fields)
    for key, schema in model.properties().items():
        assert len(schema) > 1, key
        assert len(schema["description"]) >= 10, key


# ------------------------------------------------------------------ one mistake hides no other

SECTIONS = ("netspec", "name", "doc", "params", "init", "blocks", "expect")
LAYER = ("from", "repeat", "when", "first", "init", "shape", "doc")
WHOLE = {
    **dict.fromkeys(SpecKeys.kinds(), ""),
    "netspec": "1",
    "name": "Net",
    "inputs": "{image: [3, 8, 8]}",
    "graph": "{conv: {conv2d: [4, 1]}}",
    "outputs": "{y: conv}",
}


def told(sections: dict[str, str]) -> list[str]:
    text = "".join(f"{key}: {value}\n" for key, value in sections.items() if value)
    return sorted(item.message for item in mistakes(text))


def test_every_wrong_section_is_told_beside_the_others():
    wrong = dict.fromkeys(SECTIONS, "[[1]]")
    alone = [told({**WHOLE, key: value}) for key, value in wrong.items()]
    assert all(alone)
    assert told({**WHOLE, **wrong}) == sorted(chain(*alone))


def test_every_wrong_key_of_a_layer_is_told_beside_the_others():
    def layer(*keys: str) -> dict[str, str]:
        pairs = "".join(f", {key}: {{a: [{{}}]}}" for key in keys)
        return {**WHOLE, "graph": f"{{conv: {{conv2d: [4, 1]{pairs}}}}}"}

    alone = [told(layer(key)) for key in LAYER]
    assert all(alone)
    assert told(layer(*LAYER)) == sorted(chain(*alone))
