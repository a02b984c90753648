"""The memory of training by optimizer, and of inference."""

from __future__ import annotations

from netspec.analysis.memory import OPTIMIZERS, Memory, largest_batches
from netspec.emit.report.rows import Measured
from netspec.emit.report.table import Column, Row, Table

COLUMNS = (
    Column("name", "bytes", "text"),
    Column("weights_bytes", "weights", meaning="parameters and buffers"),
    Column("gradients_bytes", "gradients"),
    Column("optimizer_bytes", "optimizer"),
    Column(
        *("activation_bytes", "activations"),
        meaning="held for backward, in inference the most alive at once",
    ),
    Column("total_bytes", "total"),
)
BATCH = Column(
    *("largest_batch", "max batch"),
    meaning="whose total fits into the given memory; empty where any does",
)
INFERENCE = "inference"
AUTOCAST = (
    'Autocast as by torch.autocast("cpu", torch.bfloat16): parameters, gradients and optimizer '
    "stay float32; copies that it casts, of inputs and of weights, are held where backward reads "
    "them. Inference is counted without it."
)


def memory_table(measured: Measured) -> Table:
    """Return what training takes with each optimizer, and what inference takes."""
    memory = measured.memory
    rows: dict[str, Row] = {name: _training(memory, name) for name in OPTIMIZERS}
    if measured.dtype == "int8":
        rows = {}  # in which no gradient is computed
    weights = memory.params + memory.buffers
    rows[INFERENCE] = (weights, None, None, memory.peak, memory.inference)
    shown = {name: f"train, {name}" if name in OPTIMIZERS else name for name in rows}
    if measured.space is None:
        body = [(shown[name], *row) for name, row in rows.items()]
        return Table("memory", "memory", COLUMNS, tuple(body))
    network, feed = measured.network, measured.feed
    fitting = largest_batches(network.graph, network.shapes, memory, feed, measured.space)
    body = [(shown[name], *row, fitting.get(name, fitting[""])) for name, row in rows.items()]
    return Table("memory", "memory", (*COLUMNS, BATCH), tuple(body))


def _training(memory: Memory, optimizer: str) -> Row:
    """Return the cells of an optimizer."""
    weights, gradients = memory.train_params + memory.train_buffers, memory.train_params
    state = OPTIMIZERS[optimizer] * gradients
    return weights, gradients, state, memory.activations, memory.training(optimizer)
