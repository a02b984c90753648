"""What the language server answers: each is checked against what the compiler says itself."""

from __future__ import annotations

from random import Random

import pytest

from tests.lsp_client import Client
from tests.support import ROOT, SPECS, draws
from tests.test_lsp import BAD, GOOD, VARIANT

LINK = {"workspace": {"workspaceEdit": {"documentChanges": True}}}


def applied(text, edits):
    """Return a text with edits made, as a client makes them; ASCII only."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def offset(position):
        return starts[position["line"]] + position["character"]

    for edit in sorted(edits, key=lambda x: offset(x["range"]["start"]), reverse=True):
        start, end = (offset(edit["range"][side]) for side in ("start", "end"))
        text = text[:start] + edit["newText"] + text[end:]
    return text


def actions(client, uri, place, only=None):
    context = {"diagnostics": [], **({"only": only} if only else {})}
    return client.about("codeAction", uri, range={"start": place, "end": place}, context=context)


def test_a_fix_is_offered_where_the_mistake_is_and_mends_it(tmp_path):
    client = Client()
    uri = client.open(tmp_path / "net.yaml", BAD)
    place = client.at(uri, "maxpool2d", 3)
    (fix,) = actions(client, uri, place, ["quickfix"])
    assert fix["diagnostics"] == client.problems[uri]
    mended = applied(BAD, fix["edit"]["changes"][uri])
    assert mended == GOOD
    assert client.change(uri, mended) == []
    assert actions(client, uri, place) == []


def test_a_fix_is_not_offered_elsewhere_nor_as_another_kind(tmp_path):
    client = Client()
    uri = client.open(tmp_path / "net.yaml", BAD)
    assert actions(client, uri, client.at(uri, "conv2d"), ["quickfix"]) == []
    assert actions(client, uri, client.at(uri, "maxpool2d"), ["refactor"]) == []


def test_a_fix_of_another_file_says_which_version_it_is_for(tmp_path):
    client = Client(capabilities=LINK)
    (tmp_path / "base.yaml").write_text(BAD)
    client.open(tmp_path / "wide.yaml", VARIANT)
    base = client.open(tmp_path / "base.yaml")
    (fix,) = actions(client, base, client.at(base, "maxpool2d"), ["quickfix"])
    (change,) = fix["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": base, "version": 1}


def test_all_safe_fixes_are_one_action(tmp_path):
    client = Client()
    text = BAD.replace("padding", "paddin")
    uri = client.open(tmp_path / "net.yaml", text)
    (action,) = actions(client, uri, client.at(uri, "graph"), ["source.fixAll"])
    assert applied(text, action["edit"]["changes"][uri]) == GOOD


def test_formatting_is_that_of_fmt(tmp_path):
    client = Client()
    loose = GOOD.replace("{max_pool2d: 2}", "{max_pool2d:   2}")
    uri = client.open(tmp_path / "net.yaml", loose)
    edits = client.about("formatting", uri, options={"tabSize": 2, "insertSpaces": True})
    assert applied(loose, edits) == GOOD


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_definition_and_references_lead_to_each_other(tmp_path, encoding):
    doc = "doc: é𝄞 x\n"
    text = GOOD.replace("graph:", f"{doc}graph:")
    client = Client(encoding)
    uri = client.open(tmp_path / "net.yaml", text)
    line = text[: text.index("  pool:")].count("\n")
    used = {"line": line + 1, "character": len("outputs: {y: p")}
    found = client.about("definition", uri, position=used)
    assert found["uri"] == uri
    assert found["range"]["start"] == {"line": line, "character": 2}
    for is_wanted, count in ((True, 2), (False, 1)):
        context = {"includeDeclaration": is_wanted}
        assert len(client.about("references", uri, position=used, context=context)) == count


def test_definition_leads_into_another_file(tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD)
    client = Client()
    uri = client.open(tmp_path / "wide.yaml", VARIANT)
    found = client.about("definition", uri, position=client.at(uri, "graph.conv", 7))
    assert found["uri"] == (tmp_path / "base.yaml").as_uri()
    assert found["range"]["start"]["line"] == 4


@pytest.mark.parametrize("path", SPECS[:3], ids=lambda path: path.stem)
def test_outline_folds_and_tokens_lie_in_the_text(path):
    client = Client()
    uri = client.open(path)
    lines = path.read_text().split("\n")
    names = [symbol["name"] for symbol in client.about("documentSymbol", uri)]
    assert {"name", "graph"} & set(names)
    for fold in client.about("foldingRange", uri):
        assert 0 <= fold["startLine"] < fold["endLine"] < len(lines)
    legend = client.able["capabilities"]["semanticTokensProvider"]["legend"]["tokenTypes"]
    words, line, column = set(), 0, 0
    data = client.about("semanticTokens/full", uri)["data"]
    for rows, columns, length, kind, _ in zip(*(data[i::5] for i in range(5)), strict=True):
        line, column = line + rows, columns if rows else column + columns
        words.add((legend[kind], lines[line][column : column + length]))
    assert ("function", "conv2d") in words or ("keyword", "extends") in words


def test_hover_hints_and_lens_stand_at_their_lines(tmp_path):
    path = next(path for path in SPECS if path.stem == "googlenet")
    client = Client()
    uri = client.open(path)
    place = client.at(uri, "  inception_3a:", 4)
    found = client.about("hover", uri, position=place)
    assert found["range"]["start"] == client.at(uri, "  inception_3a:", 2)
    assert "163,696" in found["contents"]["value"]
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
    labels = {
        x["position"]["line"]: x["label"] for x in client.about("inlayHint", uri, range=whole)
    }
    assert "256×28×28" in labels[place["line"]]
    titles = [lens["command"]["title"] for lens in client.about("codeLens", uri)]
    assert any("used 9 times" in title for title in titles)


def test_a_rename_is_told_with_the_keys_of_weights_or_refused(tmp_path):
    client = Client()
    uri = client.open(tmp_path / "net.yaml", GOOD)
    place = client.at(uri, "conv:")
    assert client.about("prepareRename", uri, position=place)["placeholder"] == "conv"
    edit = client.about("rename", uri, position=place, newName="stem")
    assert applied(GOOD, edit["changes"][uri]) == GOOD.replace("conv:", "stem:")
    (told,) = (x["params"] for x in client.sent if x.get("method") == "window/showMessage")
    assert "conv.weight → stem.weight" in told["message"]
    for name in ("pool", "1st", "import"):
        with pytest.raises(LookupError, match="`"):
            client.about("rename", uri, position=place, newName=name)
    with pytest.raises(LookupError, match="no name"):
        client.about("prepareRename", uri, position={"line": 0, "character": 0})


def test_completion_and_signature_while_the_text_is_broken(tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD)
    client = Client()
    text = GOOD.replace("{max_pool2d: 2}", "{max_pool2d: [2, ")
    uri = client.open(tmp_path / "net.yaml", text)
    assert client.problems[uri]
    help = client.about("signatureHelp", uri, position=client.at(uri, "[2, ", 4))
    (signature,) = help["signatures"]
    assert signature["parameters"][help["activeParameter"]]["label"].startswith("stride")
    text = GOOD.replace("max_pool2d", "max_p")
    client.change(uri, text)
    end = client.at(uri, "max_p", 5)
    items = client.about("completion", uri, position=end)["items"]
    (item,) = (item for item in items if item["label"] == "max_pool2d")
    assert applied(text, [item["textEdit"]]) == GOOD
    text = "netspec: 1\nname: Wide\nextends: b\n"
    client.open(tmp_path / "wide.yaml", text)
    uri = (tmp_path / "wide.yaml").as_uri()
    items = client.about("completion", uri, position=client.at(uri, "extends: b", 10))["items"]
    assert [item["label"] for item in items] == ["base.yaml"]


AT_A_PLACE = ("hover", "definition", "completion", "signatureHelp", "prepareRename", "references")
OF_A_TEXT = ("documentSymbol", "foldingRange", "semanticTokens/full", "codeLens", "inlayHint")
WHOLE = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
WRONG = sorted((ROOT / "tests/errors").glob("*.yaml"))


def cut(text, random):
    """Return a text in which somebody is typing: a few words are gone, perhaps all of the rest."""
    start = random.randrange(len(text) + 1)
    end = random.choice([start, start + random.randrange(20), len(text)])
    return text[:start] + random.choice(["", "$", "[", "{", ": ", "é𝄞"]) + text[end:]


@pytest.mark.parametrize("seed", range(draws(3, 60)))
def test_every_request_is_answered_at_every_place_of_every_text(seed):
    """The answer may be nothing; an error is a bug, but where a rename says why it cannot be."""
    random = Random(seed)
    client = Client(random.choice(["utf-8", "utf-16", "utf-32"]))
    for version in range(2, 12):
        path = random.choice([*SPECS, *WRONG])
        uri = client.open(path, language="netspec")
        lines = (text := cut(path.read_text(), random)).split("\n")
        client.change(uri, text, version)
        place = {"line": random.randrange(len(lines) + 1), "character": random.randrange(90)}
        context = {"includeDeclaration": True, "triggerKind": 1, "isRetrigger": False}
        for method in AT_A_PLACE:
            try:
                client.about(method, uri, position=place, context=context)
            except LookupError as error:
                assert (method, "Error" in str(error)) == ("prepareRename", False), str(error)
        for method in OF_A_TEXT:
            client.about(method, uri, range=WHOLE)
        actions(client, uri, place)
        client.close(uri)
    assert not [x for x in client.sent if x.get("method") == "window/showMessage"]
