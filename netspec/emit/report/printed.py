"""What papers print about networks: the data files, a paper each, one reading for each network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

PAPERS = Path(__file__).parents[2] / "data" / "papers"
Number = int | float
Sizes = tuple[Annotated[int, Field(ge=1)], ...]
Units = Annotated[Sizes, Field(min_length=1)]


class _Entry(BaseModel):
    """`why` says, where it is known, why a figure is not the exact one."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    why: str = ""


class PaperRow(_Entry):
    """A row of the paper's table, and the layers of the spec that it is about.

    Sizes are in the paper's order: height, width, channels.
    """

    row: str
    layers: tuple[str, ...] = ()
    patch: Sizes | None = None
    stride: int | None = None
    kernels: int | None = None
    blocks: int | None = None
    weighted: int | None = None
    input: Sizes | None = None
    output: Sizes | None = None
    neurons: int | None = None
    params: Number | None = None
    macs: Number | None = None


class Claim(_Entry):
    """A figure about the network as a whole, in units or as a ratio to another network's.

    With `below` the paper says no more than that it is less.
    """

    claim: str
    measure: Literal["depth", "depth_with_pooling", "params", "macs", "neurons"]
    printed: Number
    unit: int = Field(1, ge=1)
    fewer_than: int | None = None
    below: bool = False


class Paper(BaseModel):
    """What a paper prints about a network. `params` count weights without biases."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    source: str
    networks: tuple[str, ...]
    params_units: Units = (1,)
    macs_units: Units = (1,)
    rows: tuple[PaperRow, ...] = ()
    claims: tuple[Claim, ...] = ()


def read_papers(text: str) -> dict[str, Paper]:
    """Read a paper's data file, once for each network that it is about.

    What differs between them stands under their names. Raises ValueError for a file that does not
    follow the models above.
    """
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error
    known = content.get("networks") if isinstance(content, dict) else None
    if not isinstance(known, list) or not all(isinstance(name, str) for name in known):
        raise ValueError("`networks` is no list of names")
    return {name: Paper.model_validate(_of(content, name, set(known))) for name in known}


def _of(value: Any, network: str, known: set[str]) -> Any:
    """Return what a file says about one network."""
    if isinstance(value, list):
        return [_of(item, network, known) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _of(item[network] if _differs(item, known) else item, network, known)
        for key, item in value.items()
        if not _differs(item, known) or network in item
    }


def _differs(value: Any, known: set[str]) -> bool:
    """Say whether what stands here are the values of networks, by name."""
    return isinstance(value, dict) and bool(value) and set(value) <= known


def find_paper(network: str) -> Paper | None:
    """Return the paper that netspec has about a network of this name."""
    for path in sorted(PAPERS.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if network in text and (paper := read_papers(text).get(network)):
            return paper
    return None
