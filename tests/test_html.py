"""The offline page: self-contained, small, inert text, and all of the network, however large."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest

import netspec
from netspec import limits
from netspec.analysis.network import Network
from netspec.compiler import compile_spec
from netspec.emit.html import to_html
from netspec.text.syntax import decode
from tests.support import ROOT, compiled

HOSTILE = """
netspec: 1
name: Hostile
inputs: {image: [3, 8, 8]}
blocks:
  Block: {doc: "</script><script>alert(1)</script><!--", chain: {conv: {conv2d: [4, 1]}}}
graph:
  first: {Block: [], doc: "</script><script>alert(1)</script><!--"}
outputs: {out: first}
"""


class Elements(HTMLParser):
    """Collects the elements of a page and the texts of those that are read as they stand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            key = self.tags[-1][1].get("id") or self.cdata_elem
            self.texts[key] = self.texts.get(key, "") + data


def content(network: Network) -> dict[str, Any]:
    """Return the data of a network's page."""
    return dict(json.loads(Elements(to_html(network)).texts["network"]))


def walk(data: dict[str, Any], number: int, owner: str = "") -> list[dict[str, Any]]:
    """Return the items below a body with their paths, as the script finds them."""
    found = []
    for item in data["bodies"][number]["items"]:
        path = ".".join(filter(None, (owner, item.get("name"))))
        found.append({**item, "path": path})
        found += walk(data, item["body"], path) if "body" in item else []
    return found


@pytest.fixture(scope="module")
def googlenet() -> Network:
    return netspec.load(str(ROOT / "specs" / "googlenet.yaml")).network


def test_the_page_is_small_and_fetches_nothing(googlenet: Network) -> None:
    page = to_html(googlenet)
    assert len(page.encode()) <= 150_000
    elements = Elements(page)
    assert not any(set(attributes) & {"src", "href", "onclick"} for _, attributes in elements.tags)
    addresses = set(re.findall(r"https?://[^\s\"']+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}


def test_the_policy_allows_this_script_and_this_style_and_nothing_else() -> None:
    page = to_html(compile_spec(decode(HOSTILE.encode(), "spec.yaml")))
    elements = Elements(page)
    (policy,) = (x["content"] for _, x in elements.tags if x.get("http-equiv"))
    digests = {
        kind: base64.b64encode(hashlib.sha256(elements.texts[kind].encode()).digest()).decode()
        for kind in ("style", "script")
    }
    wanted = "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'"
    assert policy == wanted.format(**digests)


def test_the_data_holds_every_box_with_its_costs_and_line(googlenet: Network) -> None:
    data = content(googlenet)
    items = {item["path"]: item for item in walk(data, data["root"])}
    block = items["inception_3a"]
    assert block["cost"] == "164k params · 128M MACs"
    assert (block["params"], block["macs"]) == (163696, 128049152)
    assert len(data["bodies"][block["body"]]["items"]) == 8
    assert block["yaml"].startswith("googlenet.yaml:") and "inception_3a:" in block["yaml"]
    assert (block["in"], block["out"]) == (["192×28×28"], "256×28×28")
    assert data["code"][block["block"]].startswith("class Inception(nn.Module):")
    ((_, conv), (_, relu)) = items["inception_3a.conv5x5"]["ops"]
    assert data["ops"][conv][:2] == ["conv2d", "conv 5×5, 32"]
    given, inferred, default = data["ops"][conv][2:]
    assert given == {"out_channels": "32", "kernel_size": "5", "stride": "1", "padding": "2"}
    assert inferred == {"in_channels": "16"} and default["groups"] == "1"
    assert data["ops"][relu][0] == "relu"
    assert items["aux1"]["head"] == 1
    sides = data["bodies"][data["root"]]["flow"]["sides"]
    assert [side["after"] for side in sides] == [11, 14]


def test_a_body_that_blocks_share_stands_once() -> None:
    network = netspec.load(str(ROOT / "specs" / "resnet152.yaml")).network
    data = content(network)
    found = walk(data, data["root"])
    assert len(data["seen"]) == len(found) > 500
    assert len(data["bodies"]) < 12
    # The same body sees more of the input each time.
    seen = [data["fields"][place] for place in data["seen"]]
    fields = {x["path"]: seen[i] for i, x in enumerate(found) if x.get("block") == "Bottleneck"}
    assert len(set(fields.values())) > 40


def test_text_never_becomes_markup() -> None:
    page = to_html(compile_spec(decode(HOSTILE.encode(), "<b>spec.yaml")))
    scripts = [tag for tag, _ in Elements(page).tags if tag == "script"]
    assert len(scripts) == 2
    assert "<!--" not in page
    assert "\\u003c/script>\\u003cscript>alert(1)" in page
    assert "alert(1)" not in page.replace("\\u003c/script>\\u003cscript>alert(1)", "")


@pytest.mark.long
def test_a_network_of_five_thousand_layers_is_there_whole() -> None:
    names = [f"layer{i}" for i in range(5000)]
    lines = "".join(f"  {name}: {{dropout: 0.{i + 1}}}\n" for i, name in enumerate(names))
    head = "netspec: 1\nname: Large\ninputs: {image: [4]}\ngraph:\n"
    data = content(compiled(f"{head}{lines}outputs: {{out: {names[-1]}}}\n"))
    assert [x["path"] for x in walk(data, data["root"])] == ["image", *names, ""]


@pytest.mark.long
def test_a_larger_network_is_there_in_part() -> None:
    head = "netspec: 1\nname: Huge\ninputs: {image: [4]}\ngraph:\n"
    data = content(compiled(f"{head}  r: {{relu: [], repeat: 30000}}\noutputs: {{out: r}}\n"))
    kinds = Counter(item["kind"] for item in walk(data, data["root"]))
    assert 1000 < kinds.total() <= limits.HTML_BOXES


def test_no_two_files_of_the_script_give_one_name() -> None:
    script = Elements(to_html(compiled(HOSTILE))).texts["script"]
    names = re.findall(r"^(?:async )?function (\w+)|^(?:const|let) (\w+)", script, re.MULTILINE)
    assert [name for name, count in Counter(names).items() if count > 1] == []
