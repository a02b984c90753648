"""`netspec lsp` as editors start it: a real client over standard input and output."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from tests.support import ROOT
from tests.test_lsp import BAD

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
COMMAND = (sys.executable, "-m", "netspec", "lsp")


async def conversation(uri):
    """Open a wrong text, mend it with the fix that is offered, and end; return what was told."""
    client = LanguageClient("tests", "1")
    told = asyncio.Queue()
    client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: told.put_nowait(params))
    await client.start_io(*COMMAND, "--stdio", env=ENVIRONMENT)
    start = types.InitializeParams(types.ClientCapabilities())
    await client.initialize_async(start)
    client.initialized(types.InitializedParams())
    item = types.TextDocumentItem(uri, "yaml", 1, BAD)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    first = await told.get()
    (mistake,) = first.diagnostics
    document, context = (
        types.TextDocumentIdentifier(uri),
        types.CodeActionContext([mistake], ["quickfix"]),
    )
    asked = types.CodeActionParams(document, mistake.range, context)
    (fix,) = await client.text_document_code_action_async(asked)
    (edit,) = fix.edit.changes[uri]
    assert edit.range == mistake.range
    mended = types.TextDocumentContentChangeWholeDocument(BAD.replace("maxpool2d", edit.new_text))
    version = types.VersionedTextDocumentIdentifier(2, uri)
    client.text_document_did_change(types.DidChangeTextDocumentParams(version, [mended]))
    second = await told.get()
    await client.shutdown_async(None)
    client.exit(None)
    await client._server.wait()
    return first, second, client._server.returncode


def test_a_client_is_told_of_a_mistake_and_mends_it(tmp_path):
    uri = (tmp_path / "net.yaml").as_uri()
    first, second, code = asyncio.run(asyncio.wait_for(conversation(uri), 60))
    assert [item.code for item in first.diagnostics] == ["NS020"]
    assert (second.version, list(second.diagnostics)) == (2, [])
    assert code == 0


def framed(*bodies):
    return b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"hello\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99\r\n\r\n{}",
        b"Content-Length: 99999999999999999999\r\n\r\n{}",
        b"\x00" * 5000,
        framed(b"{", b"\xff", b"[]"),
    ],
)
def test_a_stream_that_is_none_of_a_client_ends_quietly(given):
    result = subprocess.run(
        COMMAND, input=given, capture_output=True, env=ENVIRONMENT, timeout=60, check=False
    )
    assert result.returncode == 0
    assert b"Traceback" not in result.stderr


def test_what_ops_print_reaches_no_client(tmp_path):
    """A module of ops prints as it is imported; standard output is the protocol's."""
    (tmp_path / "loud.py").write_text(
        "print('loud')\n"
        "from netspec.ops.base import op\n"
        "from netspec.ops.activation import ReLU\n"
        "@op('loud.relu')\n"
        "class Loud(ReLU):\n    'A ReLU.'\n    module = 'loud.Loud'\n"
    )
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    result = subprocess.run(
        [*COMMAND, "--ops", "loud"], input=b"", capture_output=True, env=environment, check=False
    )
    assert (result.returncode, result.stdout) == (0, b"")
    assert b"loud" in result.stderr


def test_without_pygls_it_says_what_to_install(tmp_path):
    (tmp_path / "pygls.py").write_text("raise ImportError\n")
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    result = subprocess.run(
        COMMAND, input="", capture_output=True, text=True, env=environment, check=False
    )
    assert result.returncode == 3
    assert "pip install 'netspec-compiler[lsp]'" in result.stderr
