"""A compiled network as Python programs have it: its numbers, and all that can be made of it.

Shapes are without the batch, images (channels, height, width); multiply-adds and parameters are
integers, and exact.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike, fspath
from typing import TYPE_CHECKING, TypeVar

from netspec.analysis.network import Network
from netspec.graph.model import path
from netspec.text.diagnostics import Diagnostic, suggest
from netspec.version import __version__

if TYPE_CHECKING:
    import networkx
    from torch import Tensor, nn
    from typing_extensions import Unpack

    from netspec.analysis.memory import Memory
    from netspec.emit.look import Options
    from netspec.emit.report import Report
    from netspec.rewrite.optimize import Optimized
    from netspec.runtime.weights import Loaded

_Names = TypeVar("_Names", bound=Iterable[str])


def listed(names: _Names) -> _Names:
    """Return names. Raises TypeError for one alone, whose letters would be names."""
    if isinstance(names, str):
        raise TypeError(f"expected a list of names, found {names!r}; write [{names!r}]")
    return names


class Net:
    """A compiled network, as `load` returns it; it can be copied and pickled.

    Counts are of inference, without heads that run only in training, and for one image. `network`
    holds the compiler's own tables, which may change with every version.
    """

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    def name(self) -> str:
        """The name that the spec gives it, which is that of the generated class."""
        return self.network.spec.name

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the compiler found odd, but not wrong, in the order of the text."""
        return self.network.warnings

    @property
    def params(self) -> dict[str, int | float]:
        """The spec's parameters and their values, which constructor arguments may change."""
        return dict(self.network.graph.params)

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs by name, without the batch: {"image": (3, 224, 224)}."""
        return {name: shape for (name,), shape in self.network.graph.inputs.items()}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the outputs by name, without the batch, those of training too."""
        shapes = self.network.shapes
        return {output.name: shapes[output.node] for output in self.network.graph.outputs}

    @property
    def layers(self) -> dict[str, tuple[int, ...]]:
        """The shape that each op gives, without the batch, by dotted path in execution order."""
        return {path(node): self.network.shapes[node] for node in self.network.graph.nodes}

    @property
    def parameters(self) -> int:
        """How many parameters, numbers that are learnt, inference needs; buffers do not count."""
        return self.network.totals.inference.params

    @property
    def macs(self) -> int:
        """How many multiply-adds one image takes in inference; FLOPs are twice as many."""
        return self.network.totals.inference.macs

    @property
    def depth(self) -> int:
        """How many convolutions and linear layers the longest path of inference has."""
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
        """Return the source of a standalone PyTorch module, formatted and typed.

        It imports torch and nothing else but the modules of `ops` and `allow_import`. Raises
        SpecError for an extern that needs another one.
        """
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

        What they do not need is gone; the weights that stay keep their keys. Of a layer with
        several outputs one is named, "parts.0". Raises FeatureError, a ValueError, for what is no
        layer of `graph`.
        """
        from netspec.features import select

        return Net(select(self.network, listed(names)))

    def optimize(
        self, only: Collection[str] = (), without: Collection[str] = (), engine: str = "eager"
    ) -> Fast:
        """Return the network that computes the same in inference, in less time.

        `only` and `without` choose among the rewrites, by default all that pay for the `engine`:
        "eager", "compile", "onnxruntime" or "openvino". Raises ValueError for a rewrite or an
        engine that does not exist.
        """
        from netspec.compiler import optimized
        from netspec.rewrite.optimize import chosen

        names = chosen(listed(only), listed(without), engine)
        return Fast(*optimized(self.network, names))

    def min_size(self) -> int:
        """Return the smallest height and width of the image inputs that every shape rule accepts.

        It is in pixels; contracts do not count. Raises ValueError if no input is an image.
        """
        from netspec.analysis.shapes import smallest

        return smallest(self.network.graph)

    def load_weights(
        self, path: str | PathLike[str], /, match: str | None = None, **arguments: float
    ) -> Loaded:
        """Build the model and load a state_dict where shapes agree; report the rest.

        `path` is a .pt, .pth or .safetensors file, from which no code can run. Its tensors are
        matched by `match`: "key", "structure", or by default by key if all agree and else by
        structure. `arguments` go to the constructor.
        Raises OSError if the file cannot be read; ValueError if it holds no state_dict, where no
        one matching fits, and, by default, where it gives less than half of the tensors;
        ImportError without PyTorch, or without safetensors for such a file.
        """
        if match not in (None, "key", "structure"):
            raise ValueError(f"match {match!r}: expected key or structure")
        from netspec.runtime.weights import load_weights, refuse_foreign

        loaded = load_weights(self.build(**arguments), fspath(path), match)
        if match is None:
            refuse_foreign(loaded, fspath(path))
        return loaded

    def build(self, /, **arguments: float) -> nn.Module:
        """Return the network as an nn.Module, made from the source that `to_python` returns.

        `arguments` go to the constructor: values of the spec's parameters that need no new shapes
        to be inferred, such as `classes`. It is in training, initialised as the spec says, on the
        CPU in float32. Raises ImportError without PyTorch, and TypeError for an argument that the
        constructor does not have.
        """
        from netspec.runtime.module import instantiate

        return instantiate(self.network, **arguments)

    def memory(self, batch: int = 1, dtype: str = "float32", amp: bool = False) -> Memory:
        """Return the bytes that training and inference need, for `batch` images of a type.

        `dtype` is "float32", "float64", "float16", "bfloat16" or "int8".

        `activations` are what training holds for backward, `peak` what inference has alive at once;
        `training("Adam")` and `inference` are the totals with parameters and buffers, and `held`
        has what each layer adds. With `amp` training runs under autocast with bfloat16.
        Raises ValueError for an unknown type, a batch below 1, and with `amp` for another type
        than float32.
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

        `str()` of it is the text. Operations are those of one image, bytes of `batch` images of
        `dtype`. With a `device`, its FLOP/s and bytes per second such as "312T,2TB/s", it has a
        roofline estimate. Raises ValueError for what is none of these.
        """
        from netspec.analysis.layouts import Feed
        from netspec.analysis.roofline import device as read
        from netspec.emit.report import Measured, report_of

        Feed.checked(batch, dtype, amp=False)
        measured = Measured(self.network, batch, dtype, read(device) if device else None)
        return report_of(measured, by, depth)

    def render(self, format: str = "svg", **options: Unpack[Options]) -> bytes:
        """Return the figure as a file: "svg", "png", "pdf", "dot", "mmd" or "html".

        The options are those of `netspec render`: `page` ("letter", "a4", "slide", "none") and
        `orientation`, or `width` and `height` ("3.5in"), are what it is laid out for, with no text
        smaller than `min_text` points; `depth` closes deeper blocks, `open` keeps those named open;
        `names` writes layers' names into boxes; `block` draws one block, or its use at a path;
        `theme` is "light", "dark" or "print"; a "png" has `dpi` pixels an inch, 300 or what memory
        allows unless it is said. Raises ValueError for what cannot be, ImportError where "png"
        misses what it needs, and OSError where Graphviz, for `engine="graphviz"`, is not there.
        """
        from netspec.emit.formats import draw
        from netspec.emit.look import Look

        if unknown := next((name for name in options if name not in Look.__slots__), None):
            hint = suggest(unknown, Look.__slots__)
            raise TypeError(f"render has no option `{unknown}`" + (f"; {hint}" if hint else ""))
        options["open"] = tuple(listed(options.get("open", ())))
        return draw(self.network, format, Look(**options))

    def to_dot(self, **options: Unpack[Options]) -> str:
        """Return the figure as Graphviz text; options and errors are those of `render`."""
        return self.render("dot", **options).decode()

    def to_svg(self, **options: Unpack[Options]) -> str:
        """Return the figure as SVG; options and errors are those of `render`."""
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
    """A network that was rewritten for inference: it computes the same in less time.

    `text` is its spec, `applied` says what was done, a line for each rewrite.
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
        """Return the tensors of the network as written as this one has them, by its keys.

        `state` is a state_dict of the network that was rewritten. Raises KeyError for a tensor that
        it lacks.
        """
        from netspec.rewrite.tensors import computed

        return computed(self._tensors, state)
