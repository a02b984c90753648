"""What a spec may name: what netspec brings, and what is enabled for a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TypeVar

_Named = TypeVar("_Named")


class Registry(Mapping[str, _Named]):
    """What has a name: the built-in ones, then those that are enabled in this context."""

    def __init__(self) -> None:
        self.built_in: dict[str, _Named] = {}
        self._own: ContextVar[Mapping[str, _Named]] = ContextVar(
            "own", default=MappingProxyType({})
        )

    @property
    def own(self) -> Mapping[str, _Named]:
        """Those that are enabled beside the built-in ones."""
        return self._own.get()

    @contextmanager
    def enabled(self, more: Mapping[str, _Named]) -> Iterator[None]:
        """Let specs name further ones inside this context, and no longer."""
        before = self._own.set({**self.own, **more})
        try:
            yield
        finally:
            self._own.reset(before)

    def __getitem__(self, name: str) -> _Named:
        found = self.built_in.get(name)
        return self.own[name] if found is None else found

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in self.own

    def __iter__(self) -> Iterator[str]:
        yield from self.built_in
        yield from self.own

    def __len__(self) -> int:
        return len(self.built_in) + len(self.own)
