"""Where a network's time goes, layer by layer: the eager module, traced and run call by call.

torch.fx lists every call of the module, those of functions too, which hooks on modules would not
see. Each call belongs to the layer of the spec that it computes, found along the data; a call that
belongs to none is counted for the block in which it stands.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from netspec.analysis.network import Network
from netspec.graph.model import Node, NodeId, path
from netspec.runtime.module import forms, samples

if TYPE_CHECKING:
    from torch import fx, nn

WARM = 2


class Way(NamedTuple):
    """How a module is run: so many images at once, with so many threads, so often."""

    batch: int = 1
    threads: int = 1
    rounds: int = 20


@dataclass(frozen=True, slots=True)
class Profile:
    """Seconds of a run: of each node of inference, of each block between its layers, of all.

    `whole` is that of the module as it is: what the parts do not add up to is spent between calls.
    """

    network: Network
    way: Way
    nodes: Mapping[NodeId, float]
    between: Mapping[str, float]
    whole: float


def profile(
    network: Network,
    module: nn.Module,
    way: Way,
    step: Callable[[str], None] = lambda what: None,
) -> Profile:
    """Run a module in evaluation, whole and call by call in turn; return the medians."""
    import torch

    given, clock = samples(forms(network), way.batch), time.perf_counter
    before = torch.get_num_threads()
    torch.set_num_threads(way.threads)
    try:
        with torch.inference_mode():
            run = Run(module)
            whole = []
            for turn in range(WARM + way.rounds):
                step("running" if turn >= WARM else "warming up")
                start = clock()
                module(*given)
                whole.append(clock() - start)
                run(*given)
    finally:
        torch.set_num_threads(before)
    nodes: dict[NodeId, float] = {node.id: 0.0 for node in network.graph.inference()}
    between: dict[str, float] = defaultdict(float)
    homes = assign(network, run)
    for call, seconds in run.seconds.items():
        home, spent = homes[call], median(seconds[WARM:])
        if isinstance(home, str):
            between[home] += spent
        else:
            nodes[home] += spent
    return Profile(network, way, nodes, between, median(whole[WARM:]))


class Run:
    """Runs a module traced; keeps the seconds of each call, and the shape of what it gave."""

    def __init__(self, module: nn.Module) -> None:
        from torch import fx

        self._traced = fx.symbolic_trace(module)
        self.graph = self._traced.graph
        self.modules = {name for name, _ in module.named_modules()}
        self.seconds: dict[fx.Node, list[float]] = {}
        self.shapes: dict[fx.Node, tuple[int, ...] | None] = {}

    def __call__(self, *given: Any) -> None:
        """Run it once more. A value is let go with its last reader, as in the module itself."""
        from torch import fx

        keep = self._keep

        class Interpreter(fx.Interpreter):
            def run_node(self, n: fx.Node) -> Any:
                args, kwargs = self.fetch_args_kwargs_from_env(n)
                act = getattr(self, n.op)
                start = time.perf_counter()
                result = act(n.target, args, kwargs)
                keep(n, time.perf_counter() - start, result)
                return result

        Interpreter(self._traced).run(*given)

    def _keep(self, call: fx.Node, seconds: float, result: Any) -> None:
        if call.op.startswith("call"):
            self.seconds.setdefault(call, []).append(seconds)
        self.shapes[call] = tuple(result.shape) if hasattr(result, "shape") else None


Home = NodeId | str
"""A node of the network, or the path of a block."""


def assign(network: Network, run: Run) -> Mapping[fx.Node, Home]:
    """Return the layer that each call computes; of one that computes none, the block around it."""
    return _Assignment(network, run).homes


class _Assignment:
    """Walks along the calls; `reads` says of which nodes the value of a call is made.

    A node whose module is called is known by its name. Any other is a function: the next call in
    its block that reads its inputs begins it, and one that gives its shape ends it.
    """

    def __init__(self, network: Network, run: Run) -> None:
        self._shapes, self._run = network.shapes, run
        self._waiting: dict[str, deque[NodeId]] = defaultdict(deque)
        self._functions: dict[str, list[Node]] = defaultdict(list)
        self._readers: dict[NodeId, list[Node]] = defaultdict(list)
        self._idle: dict[NodeId, list[NodeId]] = defaultdict(list)
        self._constant: set[NodeId] = set()
        self._sort(network)
        self._order = {node: i for i, node in enumerate(network.graph.nodes)}
        self._ended: set[NodeId] = set()
        self._open: dict[NodeId, Node] = {}
        self._taken = Counter[NodeId]()
        self._turns: dict[str, dict[str, int]] = defaultdict(dict)
        self._reads: dict[fx.Node, frozenset[NodeId]] = {}
        self.homes: dict[fx.Node, Home] = {}
        inputs = iter(network.graph.inputs)
        for call in run.graph.nodes:
            if call.op == "placeholder":
                self._reads[call] = self._value(next(inputs))
            else:
                self.homes[call], self._reads[call] = self._home(call)

    def _sort(self, network: Network) -> None:
        """Tell nodes whose modules are called from functions, and from modules that do nothing."""
        called = {call.target for call in self._run.graph.nodes if call.op == "call_module"}
        busy = {place for call in self._run.graph.nodes for place in _upward(_scope(call))}
        for node in network.graph.inference():
            owner = path(node.owner)
            if owner in called:
                self._waiting[owner].append(node.id)
            elif owner in self._run.modules - busy:
                self._idle[node.inputs[0]].append(node.id)
            elif self._constant.issuperset(node.inputs) and owner not in busy:
                self._constant.add(node.id)  # computed when the module was traced
            else:
                self._functions[owner].append(node)
                # What is a class of the generated file is known by the place of its calls.
                for source in () if owner in self._run.modules else node.inputs:
                    self._readers[source].append(node)

    def _value(self, id: NodeId) -> frozenset[NodeId]:
        """Return a finished node, and what passes its value on as it is."""
        return frozenset([id]).union(*(self._value(idle) for idle in self._idle[id]))

    def _home(self, call: fx.Node) -> tuple[Home, frozenset[NodeId]]:
        sources = call.all_input_nodes
        reads = frozenset[NodeId]().union(*(self._reads[source] for source in sources))
        scope, shape = _scope(call), self._run.shapes[call]
        if call.op == "call_module" and self._waiting[str(call.target)]:
            id = self._waiting[str(call.target)].popleft()
            return id, self._value(id)
        node = next(self._candidates(call, reads), None)
        if node is None:
            # One of several values that a layer gave together belongs to that layer.
            is_part = len(sources) == 1 and self._run.shapes[sources[0]] is None
            return (self.homes.get(sources[0], scope) if is_part else scope), reads
        self._open[node.id] = node
        self._taken[node.id] += sum(node.id not in self._reads[x] for x in _arguments(call))
        is_own = call.op == "get_attr" and call.target == path(node.owner)
        if is_own or (self._is_whole(node, reads) and (shape or ())[1:] == self._shapes[node.id]):
            self._ended.add(node.id)
            return node.id, self._value(node.id)
        return node.id, reads | {node.id}

    def _is_whole(self, node: Node, reads: frozenset[NodeId]) -> bool:
        """Tell whether a node's calls have read all its inputs, what it reads twice twice."""
        wanted = [source for source in node.inputs if source not in self._constant]
        return reads.issuperset(wanted) and self._taken[node.id] >= len(wanted)

    def _candidates(self, call: fx.Node, reads: frozenset[NodeId]) -> Iterator[Node]:
        """Yield the functions that a call may compute, the likeliest first."""
        scope = _scope(call)
        for owner in _upward(scope):
            if nodes := self._functions[owner]:
                yield nodes[self._turn(owner, call) % len(nodes)]
        if call.op == "call_module":
            return  # it stands for a layer that is left out here
        going = {
            id: node
            for id in reads
            if (node := self._open.get(id)) and path(node.owner) not in self._run.modules
        }
        begun = {node.id: node for id in reads for node in self._readers[id]}
        inside = {id: x for id, x in begun.items() if _is_in(path(x.owner), scope)}

        def unlike(node: Node) -> bool:
            return (self._run.shapes[call] or ())[1:] != self._shapes[node.id]

        found = [x for x in (going | inside).values() if x.id not in self._ended]
        yield from sorted(
            found,
            key=lambda x: (x.id not in going, {*x.inputs} != reads, unlike(x), self._order[x.id]),
        )

    def _turn(self, owner: str, call: fx.Node) -> int:
        """Return how often what stands at a path had been used before this call."""
        key = next(reversed(call.meta.get("nn_module_stack", {})), "")
        return self._turns[owner].setdefault(key, len(self._turns[owner]))


def _arguments(call: fx.Node) -> list[fx.Node]:
    """Return the values that a call is given, each as often as it is."""
    from torch.fx.node import map_arg

    found: list[fx.Node] = []
    map_arg((call.args, call.kwargs), found.append)
    return found


def _scope(call: fx.Node) -> str:
    """Return the path of the module in whose code a call stands."""
    if call.op == "get_attr":
        return str(call.target)
    # Of a module that is called again the key has a number: a@1.
    stack = [key.partition("@")[0] for key in call.meta.get("nn_module_stack", {})]
    if call.op == "call_module" and stack:
        stack.pop()
    return stack[-1] if stack else ""


def _upward(scope: str) -> Iterator[str]:
    while scope:
        yield scope
        scope = scope.rpartition(".")[0]


def _is_in(owner: str, scope: str) -> bool:
    return not scope or owner.startswith(f"{scope}.")
