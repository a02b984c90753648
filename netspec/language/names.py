"""Which names a spec may give: they become attributes of a torch.nn.Module."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from netspec.text.codes import Code
from netspec.text.diagnostics import Sink, Span, article, counted
from netspec.text.fixes import writing

NAME = "[A-Za-z][A-Za-z0-9_]{0,63}"
BLOCK_NAME = "[A-Z][A-Za-z0-9_]{0,63}"
_NAME = re.compile(NAME, re.ASCII)

_ATTRIBUTES = """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda
    double dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half ipu load_state_dict modules mtia named_buffers named_children named_modules
    named_parameters parameters register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu
    zero_grad
"""
MODULE_ATTRIBUTES = frozenset(_ATTRIBUTES.split())
"""Public attributes of torch.nn.Module (a test compares them with the installed torch)."""

_RESERVED = {
    **dict.fromkeys(keyword.kwlist, "is a Python keyword"),
    **dict.fromkeys(MODULE_ATTRIBUTES, "is an attribute of torch.nn.Module"),
    "total_loss": "is a method of the generated model",
    "init_parameters": "is a method of the generated model",
}
_WIDTH = "is the width of a block's input"
_RESERVED_FOR = {
    "parameter": {
        **dict.fromkeys(("in_channels", "in_features"), _WIDTH),
        "i": "is the number of a copy, `$i`",
    },
    "output": {
        **dict.fromkeys(("count", "index"), "is a method of every tuple, which outputs are"),
        "Tensor": "is a class that generated code uses",
    },
}
_RESERVED_CLASSES = {
    **dict.fromkeys(keyword.kwlist, "is a Python keyword"),
    **dict.fromkeys(
        ("Callable", "Module", "NamedTuple", "OrderedDict", "Tensor"),
        "is a class that generated code uses",
    ),
    "F": "is what generated code calls torch.nn.functional",
}


def check_name(sink: Sink, name: str, span: Span, what: str) -> bool:
    """Report a name that may not be given; a block and the network become classes."""
    if not _is_name(sink, name, span, what):
        return False
    is_class = what in ("block", "extern", "network")
    if is_class and not name[0].isupper():
        meant = f"{name[0].upper()}{name[1:]}"
        help = _class_name(span, meant, f"write `{meant}`; lower-case names are built in", what)
        sink.error(Code.NAME, f"{article(what)} starts with a capital letter", span, help=help)
        return False
    known = _RESERVED_CLASSES if is_class else _RESERVED | _RESERVED_FOR.get(what, {})
    if name in known and what != "extern":  # whose class has the name in its own package
        code = Code.CLASH if is_class else Code.TAKEN_NAME
        message = f"{article(what)} cannot be called `{name}`: it {known[name]}"
        help = f"rename it, for example `{name}{'Block' if is_class else f'_{what}'}`"
        sink.error(code, message, span, help=help)
    return name not in known


WIDTH = re.compile(rf"({NAME}_)?(channels|features)", re.ASCII)
"""What names the width of an input."""


class Width(NamedTuple):
    """A size of an input of a block that has a name: of which input, and which dimension."""

    input: int
    axis: int


def widths(inputs: Sequence[str]) -> dict[str, Width]:
    """Return what the widths of a block's inputs are called: `in_channels`, or `low_channels`."""
    fronts = inputs if len(inputs) > 1 else ("in",)
    kinds = (("channels", 0), ("features", -1))
    return {f"{x}_{kind}": Width(i, axis) for i, x in enumerate(fronts) for kind, axis in kinds}


def check_widths(sink: Sink, inputs: Sequence[str], params: Mapping[str, Span]) -> None:
    """Report parameters with the name that the width of one of several inputs has."""
    for name, width in widths(inputs).items() if len(inputs) > 1 else ():
        if name in params:
            front = inputs[width.input]
            message = f"a parameter cannot be called `{name}`: it is the width of `{front}`"
            help = f"rename it, for example `{name}_parameter`"
            sink.error(Code.TAKEN_NAME, message, params[name], help=help)


def _class_name(span: Span, name: str, words: str, what: str) -> str:
    """Say to write another name; that of a block stands at each of its uses too."""
    return writing(span, name, words, safe=True) if what == "network" else words


def is_block_name(name: str) -> bool:
    """Tell whether a block may have a name, as far as its letters go."""
    return bool(_NAME.fullmatch(name)) and name[0].isupper()


def _is_name(sink: Sink, name: str, span: Span, what: str) -> bool:
    if _NAME.fullmatch(name):
        return True
    help = "a name is a letter, then letters, digits and `_`"
    odd = next((char for char in name if not re.match(r"\w", char, re.ASCII)), "")
    if not name:
        message = f"{article(what)} without a name"
    elif odd:
        code = f"U+{ord(odd):04X}" + (f" `{odd}`" if odd.isprintable() else "")
        shown = {"-": "a hyphen", " ": "a space", ".": "a dot"}.get(odd, f"the character {code}")
        message = f"{shown} in the name of {article(what)}"
        if ord(odd) > 127:
            help = "names are ASCII, so that no two names look alike"
        elif _NAME.fullmatch(plain := re.sub(r"\W+", "_", name, flags=re.ASCII)):
            help += f", as in `{plain}`"
    elif len(name) > 64:
        message = f"a name of {counted(len(name), 'character')}; at most 64"
    else:
        message = f"`{name}` cannot name {article(what)}: it does not start with a letter"
    if what in ("block", "network") and (words := re.findall(r"[A-Za-z0-9]+", name)):
        meant = "".join(word[0].upper() + word[1:] for word in words)
        help = _class_name(span, meant, f"write `{meant}`", what)
    sink.error(Code.NAME, message, span, help=help)
    return False
