"""How much netspec reads, expands, searches and draws: what is larger gets a diagnostic, no time.

They lie far above any network that a person writes.
"""

from __future__ import annotations

# ------------------------------------------------------------------ a text
BYTES = 4 * 1024 * 1024
"""Of a spec and all that it extends."""
VALUES = 500_000
"""YAML values, keys included."""
FIELDS = 100_000
"""Of a prototxt."""
TENSORS = 2**31 - 1
"""Bytes of a file of tensors that is read whole, which protocol buffers can have."""
DEPTH = 32
"""Levels of YAML."""
TEXT = 10_000
"""Characters of a `doc`."""
EXPRESSION = 200
"""Characters of an expression."""
EXTENDED = 8
"""Files that extend each other."""
LISTED_FILES = 1_000
"""Files of a directory among which one that was meant is looked for."""
DIAGNOSTICS = 200
"""Told in one run."""

# ------------------------------------------------------------------ a network
RANK = 8
"""Dimensions of an input."""
SIZE = 2**31 - 1
"""Elements along a dimension, and any other size."""
PARAMETERS = 10**12
"""Learnt parameters."""
PIECES = 1_000
"""Outputs of one op."""
NESTING = 64
"""Blocks within blocks."""
IMPORTED = 20_000
"""Nodes of a graph that is imported."""
LAYERS = 100_000
"""Layers of the expanded network."""
CONNECTIONS = 300_000
"""What all its layers and all uses of blocks read."""
PATHS = 30_000_000
"""Characters of all its layers' paths together."""
PERIOD = 4_096
"""Elements after which a receptive field must repeat itself; otherwise it counts as whole."""

# ------------------------------------------------------------------ searches for the cause
REPAIRS = 20_000
"""Layers that all searches of one check may compute again."""
EDITS = 12_000
"""Layers that may be compiled again with one edit of the text."""
REMOVALS = 20
"""Removals of a variant of which each is taken back to see whether it makes a mistake."""
EDITED_TEXT = 40_000
"""Characters of a text of which edits are tried."""
SEARCHES = 5
"""Broken contracts for which a repair is looked for."""
STEPS_BACK = 1_000
"""Layers looked through for where sizes began to differ."""
HABITS_NODES = 5_000
"""Layers of a network that is looked through for habits."""
REGION_ITEMS, REGION_SIZE = 10_000, 300
"""Layers of an imported network among which blocks are looked for, and of one block at most."""
POINTS = 20_000
"""Of a grid of parameters' values."""
FITTED = 200_000
"""Layers compiled to see that no larger value of a parameter keeps a contract."""

# ------------------------------------------------------------------ pictures
PAGE_BOXES = 500
"""More than any page could show."""
WOVEN = 1_000
"""Branches and skips among more boxes could not be followed by eye."""
BUILT_BOXES = 2_000
"""A network of more boxes starts with less detail; these can be brought down to a page."""
PIXELS = 100_000_000
"""Of a PNG, which takes four times as many bytes of memory, and more."""
HTML_BOXES = 10_000
"""A network of more has inner blocks that are closed for good, and beyond that stretches."""
MERMAID_TEXT, MERMAID_EDGES = 50_000, 500
"""Where Mermaid itself stops unless its page says otherwise."""
TRACES = 8
"""Traces of a network that may each hold more parameters fixed; the next one holds them all."""
TRIED = 1_000_000
"""Layers expanded again, over all parameters, to see whether other values fit."""
