"""A Caffe network's prototxt → Flat."""

from __future__ import annotations

from collections.abc import Sequence

from netspec import limits
from netspec.importer.caffe_build import Builder, Site
from netspec.importer.caffe_graph import Blob, Wired, wired
from netspec.importer.caffe_layers import LIFTS, is_known, lifted
from netspec.importer.caffe_net import Layer, Net, Sizes, net, shape_of
from netspec.importer.caffe_remarks import remarks
from netspec.importer.flat import Flat, Path, Read, Result, Step
from netspec.importer.labels import named
from netspec.importer.naming import Names, shown, title
from netspec.importer.prototxt import parse
from netspec.ops.window import times
from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, Source, Span, SpecError, suggest


def read(source: Source, sizes: Sequence[Sizes] = ()) -> Flat:
    """Read a network from its prototxt; `sizes` are those of its inputs, in place of the file's.

    Raises SpecError with all that no op can do, or with the first thing that is malformed.
    """
    sink = Sink()
    found = net(parse(source))
    graph = wired(found, sink)
    sink.stop()
    return named(_Lifting(found, graph, sizes, sink).flat(source))


class _Lifting:
    """Turns the layers that are needed into steps, and gathers what cannot be."""

    def __init__(self, found: Net, graph: Wired, sizes: Sequence[Sizes], sink: Sink) -> None:
        self.net, self.graph, self.sizes, self.sink = found, graph, sizes, sink
        self.builder = Builder()
        self.given: dict[Blob, Read] = {}
        self.inputs: dict[str, Sizes] = {}
        results = [result.blob for result in graph.outputs]
        self.needed = graph.needed(results)
        self.inference = graph.needed(x.blob for x in graph.outputs if not x.is_training)
        self.scales = _scales(graph, self.needed, {*results})

    def flat(self, source: Source) -> Flat:
        """Return the network. Raises SpecError."""
        for number in sorted(self.needed):
            try:
                self._layer(number)
            except SpecError as error:
                for item in error.diagnostics:
                    self.sink.add(item)
        if not self.builder.steps and not self.sink.failed:
            message = "the network computes nothing"
            self.sink.error(Code.NOT_PROTOTXT, message, Span(source, 0, 0))
        self.sink.stop()
        names = Names(set())
        outputs = {
            names.new(result.name, "output"): Result(self.given[result.blob], result.weight)
            for result in self.graph.outputs
        }
        file = source.name.replace("\\", "/").rpartition("/")[2]
        name = title(self.net.name) or title(file.partition(".")[0]) or "Net"
        doc = f"Imported from Caffe's {shown(file)}"
        layers = [self.graph.layers[number] for number in sorted(self.needed)]
        heads = [result.name for result in self.graph.outputs if result.is_training]
        said = tuple(remarks(layers, (size[0] for size in self.inputs.values()), heads))
        steps = _read([result.read.path for result in outputs.values()], self.builder.steps)
        used = {read.path for step in steps for read in step.reads}
        inputs = {key: size for key, size in self.inputs.items() if (key,) in used}
        return Flat(name, doc, inputs, steps, outputs, remarks=said)

    def _layer(self, number: int) -> None:
        layer, reads = self.graph.layers[number], self.graph.reads[number]
        if layer.is_data:
            self._input(number, layer)
        elif not is_known(layer):
            kind = layer.said.text("type")
            message = f"`{layer.name}`: no op does what a layer of the type `{kind}` does"
            self.sink.error(Code.NOT_LIFTED, message, layer.span, help=suggest(kind, LIFTS))
        elif not all(blob in self.given for blob in reads):
            pass  # what they could not be is told already
        elif number in self.scales.values():
            self.given[Blob(number)] = self.given[reads[0]]
        else:
            scale = self.graph.layers[self.scales[number]] if number in self.scales else None
            read = tuple(self.given[blob] for blob in reads)
            site = Site(layer, read, self.builder, scale, number not in self.inference)
            self.given |= {Blob(number, i): given for i, given in enumerate(lifted(site))}

    def _input(self, number: int, layer: Layer) -> None:
        """Note an input that something reads, of the size that the file or the caller says."""
        read = {blob for item in self.needed for blob in self.graph.reads[item]}
        for index, top in enumerate(layer.tops):
            if Blob(number, index) not in read:
                continue
            given = self.sizes[len(self.inputs) :][:1]
            size = given[0] if given else shape_of(layer, top)
            if not size or any(not 1 <= side <= limits.SIZE for side in size):
                help = "say it: `--input 3x224x224`"
                message = f"the file does not say how large `{top}` is"
                if size:
                    message = f"`{top}` of {times(size)} is no image"
                self.sink.error(Code.NOT_PROTOTXT, message, layer.span, help=help)
                continue
            name = self.builder.names.new(top, "input")
            self.inputs[name] = size
            self.given[Blob(number, index)] = Read((name,))
            self.builder.shapes[Read((name,))] = size


def _read(results: Sequence[Path], steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps that results are computed by; one that only gave a size is none."""
    needed = {*results}
    kept = []
    for step in reversed(steps):
        if step.path in needed:
            kept.append(step)
            needed.update(read.path for read in step.reads)
            needed.add(step.shares)
    return tuple(reversed(kept))


def _scales(graph: Wired, needed: set[int], results: set[Blob]) -> dict[int, int]:
    """Return the batch normalisations behind which one layer scales and shifts, and that layer.

    Together they are one normalisation with weights.
    """
    readers: dict[Blob, list[int]] = {}
    for number in sorted(needed):
        for blob in graph.reads[number]:
            readers.setdefault(blob, []).append(number)
    found = {}
    for blob, (number, *others) in readers.items():
        layer, own = graph.layers[number], graph.layers[number].parameters
        is_scale = layer.type == "scale" and len(graph.reads[number]) == len(layer.tops) == 1
        if is_scale and graph.layers[blob.maker].type == "batchnorm" and not others:
            plain = own.integer("axis", 1) == 1 and own.integer("num_axes", 1) == 1
            if plain and own.flag("bias_term", False) and blob not in results:
                found[blob.maker] = number
    return found
