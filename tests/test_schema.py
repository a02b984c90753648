"""The JSON Schema: what is shipped, what it accepts and flags, and that all of it is explained.

`tests/editor/language_server.py` tries it with the real yaml-language-server.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from netspec.cli import main
from netspec.language.schema.document import document, text
from netspec.language.schema.ops import words
from netspec.ops import dim
from netspec.ops.base import REGISTRY
from tests.support import ROOT, SPECS

jsonschema = pytest.importorskip("jsonschema")
VALIDATOR = jsonschema.Draft7Validator(document())
GOOGLENET = yaml.safe_load((ROOT / "specs/googlenet.yaml").read_text())


def flagged(value: Any) -> list[str]:
    """Return the places that the schema flags, as paths."""
    return sorted(".".join(map(str, error.absolute_path)) for error in VALIDATOR.iter_errors(value))


def test_the_shipped_file_is_made_from_the_ops():
    shipped = (ROOT / "netspec/data/netspec-1.schema.json").read_text()
    assert shipped == text(), "run `netspec schema > netspec/data/netspec-1.schema.json`"


def test_the_command_prints_it(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == document()


def test_it_is_a_schema():
    jsonschema.Draft7Validator.check_schema(document())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_it_accepts_every_spec(path: Path):
    assert flagged(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_spec_points_at_it(path: Path):
    line = path.read_text().splitlines()[0]
    assert line == "# yaml-language-server: $schema=../netspec/data/netspec-1.schema.json"


WRONG = [
    ("graph.pool1", {"max_pool2d": 3, "strid": 2}),
    ("graph.pool1", {"max_pol2d": 3}),
    ("graph.pool1", "rellu"),
    ("graph.pool1", {"max_pool2d": "three"}),
    ("graph.pool1", {"max_pool2d": 3, "ceil_mode": 1}),
    ("graph.pool1", {"max_pool2d": [3, 2, 0, 1, True, 5]}),
    ("graph.pool1", {"max_pool2d": 3, "shape": [0]}),
    ("graph.pool1", {"relu": [], "after": "conv1"}),
    ("graph.pool1", {"relu": [], "when": "training"}),
    ("graph.pool1", {}),
    ("graph", {}),
    ("blocks.ConvReLU", {"chain": {}, "chian": {}}),
    ("blocks.ConvReLU", {"parallel": []}),
    ("expect", {"parms": 3}),
    ("expect.params", "about 3M"),
    ("netspec", 2),
    ("name", "googlenet"),
    ("outputs.logits", 3),
]


@pytest.mark.parametrize(("place", "value"), WRONG, ids=str)
def test_it_flags_mistakes_where_they_stand(place, value):
    spec = copy.deepcopy(GOOGLENET)
    *path, last = place.split(".")
    section = spec
    for key in path:
        section = section[key]
    section[last] = value
    assert flagged(spec)
    assert all(item.startswith(place) for item in flagged(spec))


def test_it_flags_unknown_and_missing_sections():
    assert flagged({**GOOGLENET, "grph": {}}) == [""]
    assert flagged({key: value for key, value in GOOGLENET.items() if key != "outputs"}) == [""]


VARIANT = {"netspec": 1, "extends": "googlenet.yaml"}


@pytest.mark.parametrize(
    "extra",
    [
        {"graph": {}},
        {"extends": "../x.yml"},
        {"extends": "/x.yaml"},
        {"change": {"conv1": "relu"}},
        {"insert": {"graph.x": {"relu": [], "behind": "conv1"}}},
        {"remove": "graph.x"},
        {"chnge": {}},
        {"change": {"inputs.image": "relu"}},
        {"change": {"blocks.Conv.params": [1]}},
        {"insert": {"params.width": "relu"}},
    ],
    ids=str,
)
def test_it_flags_mistakes_in_variants(extra):
    assert flagged(VARIANT) == []
    assert flagged({**VARIANT, **extra})


def test_it_takes_every_part_that_a_variant_reaches():
    inner = {"chain": ["$act", {"$act": [], "when": "$deep"}, {"relu": [], "else": "nothing"}]}
    changed: dict[str, object] = {"blocks.B": {"params": ["act=relu", "deep=true"], **inner}}
    changed |= {"inputs.image": [1, 8, 8], "blocks.Conv.params": ["a", "b=2"], "graph.a": "relu"}
    inserted = {"params.width": 64, "blocks.New": {"chain": ["relu"]}, "blocks.New.doc": "text"}
    inserted |= {
        "outputs.y": {"linear": 3, "from": "a"},
        "inputs.t": {"shape": [3], "dtype": "int64"},
    }
    removed = ["params.width", "inputs.image", "blocks.New.params", "graph.a.0"]
    assert flagged({**VARIANT, "change": changed, "insert": inserted, "remove": removed}) == []


@pytest.mark.parametrize("op", REGISTRY)
def test_it_and_the_ops_agree_about_every_argument(op):
    values: list[Any] = [0, 1, -1, 2, 0.5, True, None, "zeros", [1, 1], [2, 2], [], "$n"]
    for key in REGISTRY[op].model_fields.keys() - {op}:
        schema = document()["definitions"]["ops"][op]["properties"][key]
        validator = jsonschema.Draft7Validator(schema)
        for value in values:
            assert validator.is_valid(value) == _accepts(op, key, value), (key, value)


def _accepts(op: str, key: str, value: Any) -> bool:
    try:
        REGISTRY[op].model_validate({key: dim.name("n") if value == "$n" else value})
    except ValidationError as error:
        return all(item["loc"][:1] != (key,) for item in error.errors())
    return True


# ------------------------------------------------------------------ documentation


def test_every_op_and_argument_is_documented():
    for name, schema in document()["definitions"]["ops"].items():
        for key, value in schema["properties"].items():
            assert len(value["description"]) >= 10, (name, key)
        assert "docs.pytorch.org" in schema["properties"][name]["markdownDescription"]


def alternatives(part: Any) -> list[list[Any]]:
    """Return all alternatives of a schema, but those of conditions, which editors do not show."""
    if isinstance(part, list):
        return [item for each in part for item in alternatives(each)]
    if not isinstance(part, dict):
        return []
    inner = [value for key, value in part.items() if key not in ("if", "not")]
    return [item for item in [part.get("anyOf")] if item] + alternatives(inner)


def test_every_alternative_says_what_it_is():
    definitions = document()["definitions"]
    titles = [
        [item.get("title") or definitions[item["$ref"].split("/")[2]]["title"] for item in items]
        for items in alternatives(document())
    ]
    assert titles
    assert all(len({*found}) == len(found) for found in titles), titles


def test_every_key_is_the_title_of_what_stands_at_it():
    definitions = document()["definitions"]
    tables = [definitions["keys"], *(op["properties"] for op in definitions["ops"].values())]
    tables += [definitions[name]["properties"] for name in ("spec", "variant", "block", "extern")]
    for table in tables:
        assert [item.get("title", key) for key, item in table.items()] == [*table]


def test_it_has_an_identity_that_no_place_changes():
    assert document()["$id"] == "urn:netspec:spec:1"


def test_bare_ops_need_no_argument():
    for name in words():
        REGISTRY[name].model_validate({})
