"""An ONNX file → Flat, its weights, and what the exporter has lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec import limits
from netspec.analysis.network import Network
from netspec.importer import onnx_joins, onnx_layers, onnx_moves, onnx_windows  # noqa: F401
from netspec.importer.flat import Flat, Path, Read, Result, Step
from netspec.importer.kinds import with_kinds
from netspec.importer.labels import named
from netspec.importer.lifting import Held
from netspec.importer.lines import PLACE
from netspec.importer.naming import Names, legal
from netspec.importer.onnx_file import Graph
from netspec.importer.onnx_gelu import with_gelus
from netspec.importer.onnx_lift import ANY_BATCH, Draft, Lifter
from netspec.importer.onnx_names import (
    Scope,
    is_folded,
    owner_of,
    paths,
    scope_of,
    scopes,
)
from netspec.importer.refusal import refused
from netspec.importer.spec import imported
from netspec.importer.tree import Interleaved
from netspec.language.names import check_name
from netspec.text.codes import Code
from netspec.text.diagnostics import Diagnostic, Sink, SpecError, escape

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """A network, its state_dict, and what the exporter has lost, as lines for the user."""

    network: Network
    state: Mapping[str, Array]
    notes: tuple[str, ...]


def import_graph(graph: Graph, name: str, sizes: Sequence[tuple[int, ...]] = ()) -> Found:
    """Return the network that a graph is; `sizes` are its inputs' where the file leaves them open.

    Raises SpecError with everything that no op can do.
    """
    shapes, batch = _inputs(graph, sizes)
    lifter = Lifter(with_gelus(graph), shapes, batch)
    lifter.run()
    if lifter.missing:
        raise refused(lifter.missing)
    results = _results(graph, lifter)
    drafts = _needed(lifter, results)
    around = scopes(drafts)
    where = paths(drafts, around)
    flat = _flat(graph, name, shapes, _Drawn(drafts, around, where, results))
    is_said = any(any(scope.classes) for scope in around.values())
    for form in _forms(flat, is_said):
        state = _state(drafts, form.steps)
        try:
            network = imported(form, {key: array.shape for key, array in state.items()})
        except SpecError:
            if all(len(step.path) == 1 for step in form.steps):
                raise
        else:
            return Found(network, state, (*_notes(drafts, form.steps),))
    raise AssertionError("the last form has no modules")


class _Drawn(NamedTuple):
    """The drafts that are needed, with the modules around them and their paths."""

    drafts: Mapping[int, Draft]
    around: Mapping[int, Scope]
    where: Mapping[int, Path]
    results: Sequence[Held]


def _flat(graph: Graph, name: str, shapes: Mapping[str, tuple[int, ...]], drawn: _Drawn) -> Flat:
    names = _legal([*shapes], "input")
    steps = _steps(drawn, names)
    outputs = {
        text: Result(_read(held, drawn.where, names))
        for text, held in zip(_output_names(graph), drawn.results, strict=True)
    }
    return Flat(
        name,
        f"Imported from {escape(File(graph.file).name)}",
        dict(zip(names, shapes.values(), strict=True)),
        steps,
        outputs,
        frozenset(new for old, new in zip(shapes, names, strict=True) if old in graph.integers),
        _keys(graph, steps),
    )


# -------------------------------------------------------------------- inputs


def _inputs(
    graph: Graph, sizes: Sequence[tuple[int, ...]]
) -> tuple[dict[str, tuple[int, ...]], int]:
    """Return the shapes of the inputs without the batch, and the batch."""
    sink, found = Sink(), {}
    batches = {(known or (None,))[0] for known in graph.inputs.values()}
    given = dict(zip(graph.inputs, sizes, strict=False))
    for name, (_, *known) in graph.inputs.items():
        shape = given.get(name, (*known,))
        pairs = zip(shape, known, strict=False)
        if len(shape) != len(known) or any(b not in (None, a) for a, b in pairs):
            told = "×".join(str(size or "?") for size in known)
            _say(sink, graph, f"the input `{escape(name)}` is {told}", "leave --input out")
        if not 1 <= len(shape) < limits.RANK or any(not size or size < 1 for size in shape):
            message = f"the file does not say how large the input `{escape(name)}` is"
            _say(sink, graph, message, "say it: `--input 3x224x224`")
        found[name] = tuple(size or 1 for size in shape)
    if len(batches) != 1 or batches == {0}:
        _say(sink, graph, "the graph has no inputs of one batch", "")
    sink.stop()
    (batch,) = batches
    return found, batch or ANY_BATCH


def _say(sink: Sink, graph: Graph, message: str, help: str) -> None:
    sink.error(Code.NOT_ONNX, f"{graph.file}: {message}", None, help=help)


def _legal(texts: Sequence[str], kind: str) -> list[str]:
    """Return names that a spec may give, as near to the file's as can be."""
    found: list[str] = []
    for text in texts:
        is_name = check_name(Sink(), text, PLACE, kind) and text != "input"
        name = text if is_name else ("image" if text == "input" else legal(text, kind))
        while name in found:
            name += "_2"
        found.append(name)
    return found


# ------------------------------------------------------------------- results


def _results(graph: Graph, lifter: Lifter) -> list[Held]:
    results = []
    for name in graph.outputs:
        held = lifter.held.get(name)
        if not isinstance(held, Held):
            message = f"{graph.file}: the output `{escape(name)}` is not computed from the inputs"
            raise SpecError([Diagnostic(Code.NOT_LIFTED, message)])
        if held.draft < 0:
            held = lifter.emit(graph.nodes[-1], "identity", {}, [held])
        results.append(held)
    return results


def _output_names(graph: Graph) -> list[str]:
    """Return what outputs are called; names that only an exporter made say nothing."""
    if len(graph.outputs) == 1:
        return ["logits"]
    return _legal(graph.outputs, "output")


def _needed(lifter: Lifter, results: Sequence[Held]) -> dict[int, Draft]:
    """Return the drafts that a result depends on."""
    needed: set[int] = set()
    todo = [held.draft for held in results]
    while todo:
        number = todo.pop()
        if number >= 0 and number not in needed:
            needed.add(number)
            todo += [read.draft for read in lifter.drafts[number].reads]
    return {i: draft for i, draft in enumerate(lifter.drafts) if i in needed}


# --------------------------------------------------------------------- steps


def _read(held: Held, where: Mapping[int, Path], inputs: Sequence[str]) -> Read:
    if held.draft < 0:
        return Read((inputs[-1 - held.draft],))
    return Read(where[held.draft], held.port)


def _steps(drawn: _Drawn, inputs: Sequence[str]) -> tuple[Step, ...]:
    drafts, around, where, _ = drawn
    owners: dict[object, Path] = {}
    steps = []
    for number, draft in drafts.items():
        path = where[number]
        names = tuple(weight.name for weight in draft.weights.values())
        # Equal arrays of different modules may be one in the file: only a module that is called
        # again shares its weights.
        key = (names, around[number].path, draft.op, repr(draft.arguments))
        owner = owners.setdefault(key, path) if names else path
        shares = owner if owner != path else ()
        tensors = {} if shares else {key: x.name for key, x in draft.weights.items()}
        reads = tuple(_read(read, where, inputs) for read in draft.reads)
        classes = around[number].classes[: len(path) - 1]
        place = draft.node.name
        steps.append(
            Step(path, draft.op, draft.arguments, reads, classes, False, shares, tensors, {}, place)
        )
    return tuple(steps)


def _keys(graph: Graph, steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the names of the arrays in the file's order, where they are those of a module."""
    for step in steps:
        for tensor, name in step.tensors.items():
            own = ".".join((*step.path, tensor) if tensor else step.path)
            if name != own and not name.endswith(".weight_bias"):  # as of a folded normalisation
                return ()
    return (*graph.arrays,)


def _forms(flat: Flat, is_said: bool) -> Iterator[Flat]:
    """Yield a network with the file's modules, with blocks that are found, and without any.

    The next one is for modules that no spec can keep together. `is_said`: the file has classes.
    """
    plain = flat
    if any(len(step.path) > 1 for step in flat.steps):
        plain = _plain(flat)
        with suppress(Interleaved):
            yield flat if is_said else with_kinds(flat)
    yield named(plain)
    yield plain


def _plain(flat: Flat) -> Flat:
    """Return a network without modules: names are paths in one word."""
    names = Names({*flat.inputs})
    words = {step.path: (names.new("_".join(step.path), step.op),) for step in flat.steps}

    def moved(read: Read) -> Read:
        return Read(words.get(read.path, read.path), read.port)

    steps = tuple(
        replace(
            step,
            path=words[step.path],
            classes=(),
            reads=tuple(map(moved, step.reads)),
            shares=words.get(step.shares, ()),
        )
        for step in flat.steps
    )
    outputs = {k: result._replace(read=moved(result.read)) for k, result in flat.outputs.items()}
    return replace(flat, steps=steps, outputs=outputs)


def _state(drafts: Mapping[int, Draft], steps: Sequence[Step]) -> dict[str, Array]:
    """Return the arrays by the spec's keys."""
    import numpy as np

    found = {}
    for draft, step in zip(drafts.values(), steps, strict=True):
        for tensor, weight in draft.weights.items() if not step.shares else ():
            key = ".".join((*step.path, tensor) if tensor else step.path)
            found[key] = np.ascontiguousarray(weight.array, "float32")
        if draft.op.startswith("batch_norm") and not step.shares:
            found[".".join((*step.path, "num_batches_tracked"))] = np.zeros((), "int64")
    return found


# --------------------------------------------------------------------- notes


def _notes(drafts: Mapping[int, Draft], steps: Sequence[Step]) -> Iterator[str]:
    """Yield what the exporter has lost: batch normalisations, and names of weights."""
    folded: dict[str, list[str]] = {}
    lost = []
    for draft, step in zip(drafts.values(), steps, strict=True):
        *outer, own = step.path
        if is_folded(draft.node):
            *_, norm = scope_of(draft.node).path or ("a batch norm",)
            folded.setdefault(f"`{norm}` into `{own}`", []).append(".".join(outer) or "the network")
        elif draft.weights and tuple(draft.weights) != ("",) and owner_of(draft) != step.path:
            lost.append(".".join(step.path))
    for pair, places in folded.items():
        yield f"the exporter has folded batch norms: {pair} in {', '.join(places)}"
    if lost:
        text = "called otherwise in the file, or without a name as where a batch norm is folded in"
        yield f"the weights of {', '.join(lost)} are {text}"
