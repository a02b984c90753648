"""The language server, as messages: texts, mistakes, encodings, files on disk."""

from __future__ import annotations

import json
import sys

import pytest

from netspec.ops.own import OpsError, enabled_by
from tests.lsp_client import Client
from tests.support import SPECS

GOOD = """\
netspec: 1
name: Net
inputs: {image: [3, 32, 32]}
graph:
  conv: {conv2d: [16, 3], padding: 1}
  pool: {max_pool2d: 2}
outputs: {y: pool}
"""
BAD = GOOD.replace("max_pool2d", "maxpool2d")


def codes(problems):
    return [item["code"] for item in problems]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shipped_spec_has_no_mistake_and_its_form(path):
    client = Client()
    uri = client.open(path)
    assert client.problems[uri] == []
    options = {"tabSize": 2, "insertSpaces": True}
    assert client.about("formatting", uri, options=options) == []


def test_a_mistake_is_told_as_it_is_typed_and_taken_back(tmp_path):
    client = Client()
    uri = client.open(tmp_path / "net.yaml", GOOD)
    (problem,) = client.change(uri, BAD)
    start = client.at(uri, "maxpool2d")
    assert problem["range"] == {
        "start": start,
        "end": {**start, "character": start["character"] + len("maxpool2d")},
    }
    assert problem["severity"] == 1
    assert "did you mean `max_pool2d`?" in problem["message"]
    assert client.versions[uri] == 2
    assert client.change(uri, GOOD, 3) == []
    client.close(uri)
    assert client.versions[uri] is None


def test_texts_that_wait_are_compiled_together(tmp_path):
    client = Client()
    uri = client.open(tmp_path / "net.yaml", GOOD)
    client.sent.clear()
    for version, text in enumerate((BAD, "", GOOD), 2):
        changes = [{"text": text}]
        identity = {"uri": uri, "version": version}
        client.tell("textDocument/didChange", textDocument=identity, contentChanges=changes)
    client.session.settle()
    (told,) = client.sent
    assert told["params"] == {"uri": uri, "version": 4, "diagnostics": []}


def test_a_mistake_without_a_place_and_a_text_that_is_no_yaml(tmp_path):
    client = Client()
    uri = client.open(tmp_path / "net.yaml", "", "netspec")
    assert codes(client.problems[uri]) == ["NS002"]
    assert client.about("formatting", uri, options={"tabSize": 2, "insertSpaces": True}) is None
    assert codes(client.change(uri, "a: [")) == ["NS002"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_columns_are_those_of_the_clients_encoding(tmp_path, encoding):
    line = "doc: é𝄞 \u2028x"  # a separator that is a line's end for nobody but Python
    client = Client(encoding)
    assert client.able["capabilities"]["positionEncoding"] == encoding
    uri = client.open(tmp_path / "net.yaml", GOOD.replace("name:", f"{line}\nname:"))
    (problem,) = client.problems[uri]
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    codec = encoding if encoding == "utf-8" else f"{encoding}-le"
    before = line.partition("\u2028")[0].encode(codec)
    assert problem["range"]["start"] == {"line": 1, "character": len(before) // width}


def test_a_yaml_file_that_is_no_spec_is_left_alone_until_it_becomes_one(tmp_path):
    client = Client()
    uri = client.open(tmp_path / "compose.yaml", "services: {netspec: {image: x}}\n")
    assert client.problems == {}
    assert client.about("hover", uri, position={"line": 0, "character": 1}) is None
    client.change(uri, BAD)
    assert codes(client.problems[uri]) == ["NS020"]
    assert codes(client.change(uri, GOOD.replace("netspec:", "netspe:"), 3)) == ["NS011"]


# ------------------------------------------------------------------ several files


VARIANT = """\
netspec: 1
name: Wide
extends: base.yaml
change: {graph.conv: {conv2d: [32, 3], padding: 1}}
"""


def test_a_variants_mistake_appears_in_the_file_that_causes_it(tmp_path):
    (tmp_path / "base.yaml").write_text(BAD)
    client = Client()
    uri = client.open(tmp_path / "wide.yaml", VARIANT)
    base = (tmp_path / "base.yaml").as_uri()
    assert client.problems[uri] == []
    assert codes(client.problems[base]) == ["NS020"]
    assert client.versions[base] is None


def test_an_open_buffer_counts_before_its_file(tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD)
    client = Client()
    uri = client.open(tmp_path / "wide.yaml", VARIANT)
    base = client.open(tmp_path / "base.yaml", BAD)
    assert codes(client.problems[base]) == ["NS020"]
    client.change(base, GOOD.replace("conv:", "other:"))
    assert codes(client.problems[uri]) == ["NS062"]
    client.close(base)
    assert client.problems[uri] == client.problems[base] == []


def test_two_specs_that_extend_each_other_come_to_an_end(tmp_path):
    client = Client()
    for name, other in (("a", "b"), ("b", "a")):
        text = f"netspec: 1\nname: Net\nextends: {other}.yaml\n"
        (tmp_path / f"{name}.yaml").write_text(text)
        client.open(tmp_path / f"{name}.yaml")
    assert any(client.problems.values())


@pytest.mark.parametrize("method", ["workspace/didChangeWatchedFiles", "textDocument/didSave"])
def test_a_file_that_changes_on_disk_is_seen(tmp_path, method):
    base = tmp_path / "base.yaml"
    base.write_text(GOOD)
    client = Client()
    uri = client.open(tmp_path / "wide.yaml", VARIANT)
    base.write_text(BAD)
    changes = [{"uri": base.as_uri(), "type": 2}]
    client.tell(method, changes=changes, textDocument={"uri": uri})
    client.session.settle()
    assert codes(client.problems[base.as_uri()]) == ["NS020"]


def test_a_client_that_can_is_asked_to_watch_specs():
    able = {"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}}
    asked = [x for x in Client(capabilities=able).sent if x.get("method")]
    assert [item["method"] for item in asked] == ["client/registerCapability"]
    (wish,) = asked[0]["params"]["registrations"]
    assert wish["registerOptions"]["watchers"] == [{"globPattern": "**/*.yaml"}]
    assert not [x for x in Client().sent if x.get("method")]


def test_files_outside_of_the_project_are_not_read(tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD)
    (tmp_path / "inner").mkdir()
    client = Client()
    uri = client.open(tmp_path / "inner/wide.yaml", VARIANT.replace("base", "../base"))
    assert codes(client.problems[uri]) == ["NS060"]
    (tmp_path / "inner/base.yaml").symlink_to("../base.yaml")
    assert codes(client.change(uri, VARIANT)) == ["NS060"]
    (tmp_path / ".git").mkdir()
    assert client.change(uri, VARIANT, 3) == []


def test_names_of_files_are_what_the_client_calls_them(tmp_path):
    path = tmp_path / "a b#ü%20;.yaml"
    client = Client()
    odd = path.as_uri().replace("%C3%BC", "%c3%bc")
    uri = client.open(odd, BAD)
    assert codes(client.problems[uri]) == ["NS020"]
    assert client.session.client.workspace.document(str(path))
    uri = client.open("untitled:Untitled-1", BAD)
    assert codes(client.problems[uri]) == ["NS020"]


# ------------------------------------------------------------------ messages


def test_what_is_no_message_does_no_harm():
    client = Client()
    for text in ("", "{", "[]", "1", "[" * 100_000, '{"jsonrpc": "1.0", "id": 1}', "{}"):
        client.session.receive(text)
    client.session.receive(json.dumps({"jsonrpc": "2.0", "id": 7, "method": 3, "params": 4}))
    for params in (None, [], {"textDocument": {}}, {"textDocument": {"uri": 1}}):
        message = {"jsonrpc": "2.0", "id": 8, "method": "textDocument/formatting"}
        client.session.receive(json.dumps({**message, "params": params}))
        assert "error" in client.sent[-1]
    with pytest.raises(LookupError, match="netspec/other"):
        client.ask("netspec/other")
    assert client.session.exit_code is None


def test_requests_of_ones_own_are_plain_json():
    client = Client(requests={"netspec/echo": lambda session, params: params})
    odd = {"class": 1, "1": {"jsonrpc": [None]}}
    assert client.ask("netspec/echo", **odd) == odd


@pytest.mark.parametrize(("before", "code"), [("shutdown", 0), ("", 1)])
def test_the_end(before, code):
    client = Client()
    if before:
        client.ask(before)
    client.tell("exit")
    assert client.session.exit_code == code


# ------------------------------------------------------------------ own ops


OWN = GOOD.replace("{max_pool2d: 2}", "{mylib.pool: 2}")
OPS = """\
from netspec.ops.base import op
from netspec.ops.pool import MaxPool2d

@op("mylib.pool")
class Pool(MaxPool2d):
    "A pool."
    module = "mylib.Pool"
"""


def test_no_setting_of_a_project_or_of_the_client_imports_ops(tmp_path, monkeypatch):
    """What lies in a folder, settings of an editor included, comes from whoever made the folder."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.netspec]\nops = ["strange"]\n')
    (tmp_path / "strange.py").write_text("raise SystemExit\n")
    client = Client()
    uri = client.open(tmp_path / "net.yaml", OWN)
    client.tell("workspace/didChangeConfiguration", settings={"netspec": {"ops": ["strange"]}})
    client.session.settle()
    assert codes(client.problems[uri]) == ["NS020"]
    assert "strange" not in sys.modules


def test_ops_that_the_user_allows_are_known_everywhere(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mylib_ops.py").write_text(OPS)
    client = Client(ops=lambda spec: enabled_by(["mylib_ops"]))
    uri = client.open(tmp_path / "net.yaml", OWN)
    assert client.problems[uri] == []
    place = client.at(uri, "mylib.pool", 3)
    assert "A pool." in client.about("hover", uri, position=place)["contents"]["value"]


def test_ops_that_cannot_be_had_are_told_once(tmp_path):
    def ops(path):
        raise OpsError("no ops here")

    client = Client(ops=ops)
    uri = client.open(tmp_path / "net.yaml", GOOD)
    client.change(uri, BAD)
    shown = [item for item in client.sent if item.get("method") == "window/showMessage"]
    assert [item["params"]["message"] for item in shown] == ["no ops here"]
    assert codes(client.problems[uri]) == ["NS020"]
