"""The Python API: load a spec, look at it, build it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from os import PathLike, fspath
from typing import TYPE_CHECKING

from netspec import limits
from netspec.analysis.network import Network
from netspec.compiler import Prepared, compile_spec, prepare_spec
from netspec.graph.model import path
from netspec.language.project import Project
from netspec.ops.base import REGISTRY
from netspec.ops.own import enabled_by
from netspec.text.diagnostics import Diagnostic
from netspec.text.syntax import decode
from netspec.version import __version__

if TYPE_CHECKING:
    import networkx
    from torch import Tensor, nn
    from typing_extensions import Unpack

    from netspec.analysis.memory import Memory
    from netspec.analysis.points import Point
    from netspec.emit.look import Options
    from netspec.emit.report import Report
    from netspec.explore.fit import Fit
    from netspec.explore.sweep import Bench
    from netspec.rewrite.optimize import Optimized
    from netspec.runtime.weights import Loaded


def load(
    path: str | PathLike[str],
    /,
    *,
    ops: Iterable[str] = (),
    allow_import: Iterable[str] = (),
    **params: float,
) -> Net:
    """Compile a spec file at the given values of its parameters.

    `ops` are modules with ops of your own, which are imported: ["mylib.netspec_ops"]; this spec may
    name them, and no other. Raises ImportError for one that cannot be imported, ValueError for one
    that has no ops. `allow_import` are packages or modules that the generated code of this spec's
    `externs` may import: ["mylib"].
    Raises SpecError (its `diagnostics` say every mistake), TypeError for a parameter that the spec
    does not have, and OSError (FileNotFoundError if there is none) if the file cannot be read.
    """
    project = Project()
    with REGISTRY.enabled(enabled_by(_listed(ops))):
        network = compile_spec(project.open(fspath(path)), params, project.load)
    return Net(replace(network, imports=tuple(_listed(allow_import))))


def loads(
    text: str,
    /,
    *,
    ops: Iterable[str] = (),
    allow_import: Iterable[str] = (),
    **params: float,
) -> Net:
    """Compile a spec from its text; like `load`."""
    source = decode(text.encode("utf-8", "surrogatepass"), "<text>")
    with REGISTRY.enabled(enabled_by(_listed(ops))):
        return Net(replace(compile_spec(source, params), imports=tuple(_listed(allow_import))))


def import_module(
    model: nn.Module, /, *inputs: Tensor, name: str | None = None, doc: str = ""
) -> Net:
    """Return the network that a PyTorch module is, as a spec: `to_yaml()` is its text.

    `inputs` are what it is called with, the batch first; it is traced with `torch.export`, in
    training and in inference. The state_dict of what `build` makes has the module's keys, in its
    order; those of a plain `nn.Sequential` begin with `layers.`, since a graph's layers have names.
    `name` is the class's name unless it is given.
    Raises SpecError with every call that no op does.
    """
    from netspec.importer.torch import import_module

    return Net(import_module(model, inputs, name, doc))


def sweep(
    path: str | PathLike[str],
    goals: Collection[str] = ("params", "macs", "activation_bytes", "milliseconds"),
    bench: Bench | None = None,
    jobs: int = 1,
    /,
    *,
    ops: Iterable[str] = (),
    **values: float | Iterable[float],
) -> list[Point]:
    """Compile a spec file at every point of a grid: `sweep(path, width=[0.5, 1], size=224)`.

    Each row has the `values`, what the network there comes to (`params`, `macs`,
    `activation_bytes`, `peak_bytes`) or the `reason` why there is none, and whether it is
    `on_front`: no other has less of one of the `goals`, or more for "+macs", and is as good in the
    others. `bench` measures the milliseconds of a `netspec.analysis.network.Network`; without it
    `jobs` processes compile.
    Raises ValueError for a grid without points or with too many, and what `load` does.
    """
    from netspec.analysis.points import with_front
    from netspec.explore.sweep import sweep

    axes = {
        name: tuple(islice(given, limits.POINTS + 1)) if isinstance(given, Iterable) else (given,)
        for name, given in values.items()
    }
    return with_front(sweep(_prepared(path, ops), axes, bench, jobs=jobs), goals)


def fit(
    path: str | PathLike[str],
    to: str | Sequence[str],
    vary: str,
    step: float = 1,
    /,
    *,
    ops: Iterable[str] = (),
    **params: float,
) -> Fit:
    """Find the largest multiple of `step` for a parameter that keeps a contract, or several.

    `fit(path, "macs<=1.5G", "width", 0.125).value`; `params` are values of other
    parameters. Raises ValueError that says which contract cannot be kept and how near it comes,
    or why there is no largest value; and what `load` does.
    """
    from netspec.explore.fit import Multiples, contract, fit

    contracts = [contract(text) for text in ([to] if isinstance(to, str) else to)]
    return fit(_prepared(path, ops), contracts, Multiples(vary, step), params)


def _prepared(path: str | PathLike[str], ops: Iterable[str]) -> Prepared:
    project = Project()
    with REGISTRY.enabled(enabled_by(_listed(ops))):
        return prepare_spec(project.open(fspath(path)), project.load)


def _listed(names: Iterable[str]) -> Iterable[str]:
    """Return names. Raises TypeError for one alone, whose letters would be names."""
    if isinstance(names, str):
        raise TypeError(f"expected a list of names, found {names!r}; write [{names!r}]")
    return names


class Net:
    """A compiled network. `network` holds the tables: graph, shapes and costs by node."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    def name(self) -> str:
        return self.network.spec.name

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the compiler found odd, but not wrong."""
        return self.network.warnings

    @property
    def params(self) -> dict[str, int | float]:
        """The spec's parameters and their values, which constructor arguments may change."""
        return dict(self.network.graph.params)

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs by name, without the batch."""
        return {name: shape for (name,), shape in self.network.graph.inputs.items()}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the outputs by name, without the batch."""
        shapes = self.network.shapes
        return {output.name: shapes[output.node] for output in self.network.graph.outputs}

    @property
    def layers(self) -> dict[str, tuple[int, ...]]:
        """The shape that each layer gives, by dotted path, in execution order."""
        return {path(node): self.network.shapes[node] for node in self.network.graph.nodes}

    @property
    def parameters(self) -> int:
        """How many parameters inference needs."""
        return self.network.totals.inference.params

    @property
    def macs(self) -> int:
        """How many multiply-adds one image takes in inference."""
        return self.network.totals.inference.macs

    @property
    def depth(self) -> int:
        """How many layers with parameters the longest path of inference has."""
        return self.network.totals.depth

    @cached_property
    def graph(self) -> networkx.DiGraph:
        """The flat network as a frozen `networkx.DiGraph`, for algorithms of your own.

        Nodes are dotted paths ("inception_3a.conv3x3.conv"), the inputs first and then every op in
        execution order; edges run as the data does. A node has the attributes `op` (its name in the
        spec, "input" for an input), `shape` (without the batch), `params` (0 where another node's
        weights are shared), `macs` (for one image), `train_only`, and `line`, where its op stands
        in the file. `graph.graph` has the network's `name`, and `outputs`: name → node.
        """
        return self.network.to_networkx()

    def to_python(self) -> str:
        """Return the source of a standalone PyTorch module."""
        from netspec.emit.torch.module import to_python

        return to_python(self.network, __version__)

    def to_yaml(self) -> str:
        """Return the spec in canonical form, a variant with what it extends as one file.

        Lines end in a line feed, whatever the file's do.
        """
        from netspec.language.fmt.text import formatted
        from netspec.language.write import written

        first, *others = self.network.sources
        if others:
            return written(self.network.spec, {})
        return formatted(first).replace("\r\n", "\n")

    def features(self, names: Sequence[str]) -> Net:
        """Return the network that gives these layers of the graph instead of its outputs.

        What they do not need is gone; the weights that stay keep their keys. Raises ValueError.
        """
        from netspec.features import select

        return Net(select(self.network, names))

    def optimize(
        self, only: Collection[str] = (), without: Collection[str] = (), engine: str = "eager"
    ) -> Fast:
        """Return the network that computes the same in inference, in less time.

        `only` and `without` choose among the rewrites, by default all that pay for the `engine`:
        "eager", "compile", "onnxruntime" or "openvino". Raises ValueError for what does not exist.
        """
        from netspec.compiler import optimized
        from netspec.rewrite.optimize import chosen

        return Fast(*optimized(self.network, chosen(only, without, engine)))

    def min_size(self) -> int:
        """Return the smallest height and width of the image inputs that every shape rule accepts.

        Contracts do not count. Raises ValueError if no input has a height and a width.
        """
        from netspec.analysis.shapes import smallest

        return smallest(self.network.graph)

    def load_weights(
        self, path: str | PathLike[str], /, match: str | None = None, **arguments: float
    ) -> Loaded:
        """Build the model and load a state_dict where shapes agree; report the rest.

        `path` is a .pt, .pth or .safetensors file. Its tensors are matched by `match`: "key",
        "structure", or by default by key if all agree and else by structure. `arguments` go to the
        constructor. Raises ValueError where no one matching fits and, by default, where the file
        gives less than half of the tensors.
        """
        from netspec.runtime.weights import load_weights, refuse_foreign

        loaded = load_weights(self.build(**arguments), fspath(path), match)
        if match is None:
            refuse_foreign(loaded, fspath(path))
        return loaded

    def build(self, /, **arguments: float) -> nn.Module:
        """Return the network as an nn.Module, made from the source that `to_python` returns.

        `arguments` go to the constructor.
        """
        from netspec.runtime.module import instantiate

        return instantiate(self.network, **arguments)

    def memory(self, batch: int = 1, dtype: str = "float32", amp: bool = False) -> Memory:
        """Return the bytes that training and inference need, for a batch of a type.

        `activations` are what training holds for backward, `peak` what inference has alive at once;
        `training("Adam")` and `inference` are the totals with parameters and buffers, and `held`
        has what each layer adds. With `amp` training runs under autocast with bfloat16.
        Raises ValueError for an unknown type, and with `amp` for another than float32.
        """
        from netspec.analysis.layouts import Feed
        from netspec.analysis.memory import weigh

        net = self.network
        return weigh(net.graph, net.shapes, net.costs, Feed.checked(batch, dtype, amp))

    def report(
        self,
        by: str = "block",
        batch: int = 1,
        dtype: str = "float32",
        depth: int = 1,
        device: str | None = None,
    ) -> Report:
        """Return the tables of shapes and costs, by "block" (of `depth` levels), "layer" or "op".

        `str()` of it is the text; `batch` images of `dtype` decide the bytes. With a `device`, such
        as "312T,2TB/s", it has a roofline estimate. Raises ValueError for what is no device.
        """
        from netspec.analysis.roofline import device as read
        from netspec.emit.report import Measured, report_of

        measured = Measured(self.network, batch, dtype, read(device) if device else None)
        return report_of(measured, by, depth)

    def render(self, format: str = "svg", **options: Unpack[Options]) -> bytes:
        """Return the figure as a file: "svg", "png", "pdf", "dot", "mmd" or "html".

        The options are those of `netspec render`: `page` ("letter", "a4", "slide", "none") and
        `orientation`, or `width` and `height` ("3.5in"), are what it is laid out for, with no text
        smaller than `min_text` points; `depth` closes deeper blocks, `open` keeps those named open;
        `names` writes layers' names into boxes; `block` draws one block, or its use at a path;
        `theme` is "light", "dark" or "print"; a "png" has `dpi` pixels an inch, 300 or what memory
        allows unless it is said. Raises ValueError for what cannot be, and ImportError where
        "png" misses what it needs.
        """
        from netspec.emit.formats import draw
        from netspec.emit.look import Look

        options["open"] = tuple(_listed(options.get("open", ())))
        return draw(self.network, format, Look(**options))

    def to_dot(self, **options: Unpack[Options]) -> str:
        """Return the figure as Graphviz text, with the options of `render`."""
        return self.render("dot", **options).decode()

    def to_svg(self, **options: Unpack[Options]) -> str:
        """Return the figure as text, as `render` does; needs nothing."""
        return self.render("svg", **options).decode()

    def _repr_svg_(self) -> str:
        """Show the figure in a notebook."""
        return self.to_svg(page="none")

    def _repr_html_(self) -> str:
        """Show the page with blocks to open in a notebook, closed off from the notebook's own."""
        from html import escape

        page = escape(self.render("html").decode())
        style = "width: 100%; height: 36em; border: 0"
        return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{page}"></iframe>'

    def __repr__(self) -> str:
        cost = self.network.totals.inference
        return f"<{self.name}: {cost.params:,} parameters, {cost.macs:,} multiply-adds>"


class Fast(Net):
    """A network that was rewritten for inference.

    `text` is its spec, `applied` says what was done.
    """

    def __init__(self, network: Network, found: Optimized) -> None:
        super().__init__(network)
        self.text = found.text
        self.applied = tuple(map(str, found.applied))
        self._tensors = found.tensors

    def to_python(self) -> str:
        """Return the source of a standalone PyTorch module, with `convert` for a state_dict."""
        from netspec.emit.torch.module import to_python

        return to_python(self.network, __version__, self._tensors)

    def convert(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors of the network as written as this one has them.

        Raises KeyError for one that `state` lacks.
        """
        from netspec.rewrite.tensors import computed

        return computed(self._tensors, state)
