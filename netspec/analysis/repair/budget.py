"""How much work the search for repairs may take in one check of a spec, however much is broken."""

from __future__ import annotations

from dataclasses import dataclass

from netspec import limits


@dataclass(slots=True)
class Budget:
    """How many layers may still be computed again; every search of a check draws on it."""

    left: int = limits.REPAIRS

    def spend(self, layers: int = 1) -> bool:
        """Take off some layers; tell whether there were so many."""
        self.left -= layers
        return self.left >= 0
