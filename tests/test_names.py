"""Names become attributes of modules: what Python and torch.nn.Module need is refused."""

from __future__ import annotations

import keyword
import subprocess
import sys

import pytest
from torch import nn

from netspec.language.names import MODULE_ATTRIBUTES
from tests.support import mistakes, one_block


def public_attributes() -> set[str]:
    """Return what a layer's name would hide: attributes of the class and of an instance."""
    names = {*dir(nn.Module), *vars(nn.Module()), *nn.Module.__annotations__}
    return {name for name in names if not name.startswith("_")}


def test_the_list_is_that_of_the_installed_torch():
    missing = public_attributes() - MODULE_ATTRIBUTES
    assert missing == set(), "add them to MODULE_ATTRIBUTES"
    # Attributes of other versions of torch stay refused: a spec should build with all of them.
    assert MODULE_ATTRIBUTES - public_attributes() <= {"ipu", "mtia", "set_submodule", "xpu"}


@pytest.mark.parametrize("name", sorted({*keyword.kwlist, *public_attributes()} - {"None"}))
def test_a_reserved_name_is_refused_with_another(name):
    spec = one_block(f"{name}: relu\nout: relu")
    found = [item for item in mistakes(spec) if item.code in ("NS014", "NS006", "NS013")]
    assert len(found) == 1
    if name not in ("True", "False"):
        assert found[0].span.text == name
        assert f"`{name}_layer`" in found[0].help
        assert mistakes(spec.replace(f"{name}: relu", f"{name}_layer: relu")) == []


@pytest.mark.parametrize("name", ["torch", "nn", "self", "x", "super", "print", "list", "match"])
def test_names_that_only_look_dangerous_build_and_run(name):
    import netspec

    spec = one_block(f"{name}: {{conv2d: [3, 1]}}\nout: {{add: [], from: [{name}, image]}}")
    model = netspec.loads(spec).build()
    import torch

    assert model(torch.zeros(1, 3, 16, 16)).shape == (1, 3, 16, 16)
    assert f"{name}.weight" in model.state_dict()


def test_soft_keywords_are_names():
    for name in set(keyword.softkwlist) - {"_", "type"}:
        assert mistakes(one_block(f"{name}: relu\nout: relu")) == []


def test_reading_names_does_not_import_torch():
    code = "import sys, netspec.language.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
