"""What is known of one client: the texts that it has open, how it counts, what it may read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from netspec.editing.workspace import Document, Workspace
from netspec.language.project import says_spec
from netspec.ops.base import REGISTRY, Op
from netspec.ops.own import OpsError, OpsImportError
from netspec.server.positions import Positions
from netspec.text.diagnostics import Span, brief

Read = Callable[[str, str], str]
"""Gives the text of a file that is not open, for a spec that extends it: `read(spec, path)`.

It raises OSError, or LoadError."""
Ops = Callable[[str], Mapping[str, type[Op]]]
"""Gives the user's own ops that the spec at a path may name, or raises OpsError."""


class Client:
    """One client, and its texts as they are now."""

    def __init__(self, server: LanguageServer, read: Read, ops: Ops) -> None:
        self.workspace = Workspace(lambda path: read(self._spec, path))
        self.positions = Positions()
        self._server = server
        self._find_ops = ops
        self._ops: dict[str, Mapping[str, type[Op]]] = {}
        self._spec = ""
        """The path of the spec that is looked at."""
        self._uris: dict[str, str] = {}
        """The address of each open text, as the client writes it, by path."""
        self._changed: dict[str, None] = {}

    # ------------------------------------------------------------------ what it says

    def begin(self) -> None:
        """Count as the client does."""
        encoding = types.PositionEncodingKind(self._server.workspace.position_encoding)
        self.positions = Positions(encoding.value)

    def watch(self) -> None:
        """Ask to be told of specs that change on disk."""
        if self.can("workspace.did_change_watched_files.dynamic_registration"):
            watched = types.DidChangeWatchedFilesRegistrationOptions(
                [types.FileSystemWatcher("**/*.yaml")]
            )
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            wish = types.Registration("specs", method, watched)
            self._server.client_register_capability(types.RegistrationParams([wish]))

    def changed(self, uri: str) -> None:
        """Take note of a text that the client now has; a YAML file that is no spec is left alone.

        It is one by its language, or as soon as it says so, and stays one while it is open.
        """
        path, item = path_of(uri), self._server.workspace.get_text_document(uri)
        if path in self._uris or item.language_id == "netspec" or says_spec(item.source):
            self._uris[path] = uri
            self._changed[path] = None

    def closed(self, uri: str) -> None:
        """Forget an open text: its file counts again."""
        path = path_of(uri)
        self._uris.pop(path, None)
        self._changed.pop(path, None)
        self.workspace.close(path)
        self._changed |= dict.fromkeys(self.workspace.dependents(path))

    def disturbed(self) -> None:
        """Compile all again: files have changed on disk."""
        self._changed |= dict.fromkeys(self._uris)

    def can(self, capability: str) -> bool:
        """Tell whether it has a capability: `workspace.workspace_edit.document_changes`."""
        return bool(get_capability(self._server.client_capabilities, capability, False))

    # ------------------------------------------------------------------ what it is told

    def notify(self, method: str, params: Any) -> None:
        self._server.protocol.notify(method, params)

    def show(self, message: str, kind: types.MessageType = types.MessageType.Error) -> None:
        """Show its user a message."""
        self._server.window_show_message(types.ShowMessageParams(kind, brief(message)))

    def uris(self) -> list[str]:
        """Return the addresses of the open texts."""
        return [*self._uris.values()]

    def uri(self, path: str) -> str:
        """Return the address of a path, as the client writes it."""
        return self._uris.get(path) or from_fs_path(path) or path

    def version(self, path: str) -> int | None:
        """Return the client's number for the state of an open text."""
        uri = self._uris.get(path)
        return self._server.workspace.get_text_document(uri).version if uri else None

    def location(self, span: Span) -> types.Location:
        return types.Location(self.uri(span.source.name), self.positions.range(span))

    # ------------------------------------------------------------------ texts

    def has(self, uri: str) -> bool:
        """Tell whether an open text is a spec."""
        return path_of(uri) in self._uris

    def document(self, uri: str) -> Document:
        """Return an open spec as it is now. Raises KeyError."""
        self.compile()
        return self.workspace.document(path_of(uri))

    def compile(self) -> None:
        """Compile what has changed, and then what extends it."""
        changed, self._changed = [*self._changed], {}
        for path in changed:
            self._change(path)
        again = (other for path in changed for other in self.workspace.dependents(path))
        for path in dict.fromkeys(again):
            self._change(path)

    def _change(self, path: str) -> None:
        text = self._server.workspace.get_text_document(self._uris[path]).source
        with self.looking_at(path):
            self.workspace.change(path, text)

    @contextmanager
    def looking_at(self, path: str) -> Iterator[None]:
        """Let the spec at a path read the files and name the ops that it may."""
        self._spec = path
        with REGISTRY.enabled(self._own_ops(path)):
            yield

    def _own_ops(self, path: str) -> Mapping[str, type[Op]]:
        """Return the ops of the user's own for a spec; what is wrong with them is told once."""
        if path not in self._ops:
            try:
                self._ops[path] = self._find_ops(path)
            except (OpsError, OpsImportError) as error:
                self._ops[path] = {}
                self.show(str(error))
        return self._ops[path]


def path_of(uri: str) -> str:
    """Return the path of a file's address; what has none goes by its address."""
    return to_fs_path(uri) or uri
