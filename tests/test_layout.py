"""Code that is too long for a line is broken as `ruff format` breaks it."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path
from random import Random

import pytest

from netspec.emit.torch.layout import (
    WIDTH,
    Brackets,
    Choice,
    Code,
    Generator,
    Prefixed,
    call,
    operation,
    statement,
)
from tests.support import draws

WORDS = ("i", "width", "self.growth", "0.25", "3", *(f"{'long_' * n}word" for n in (2, 4, 6)))


def arithmetic(random: Random, depth: int) -> str:
    """Return an expression as text, with no brackets that it does not need."""

    def grown(depth: int) -> str:
        if depth == 0 or random.random() < 0.15:
            return random.choice(WORDS)
        sign = random.choice(("+", "-", "*", "//", "/", "%", "int"))
        if sign == "int":
            return f"int({grown(depth - 1)})"
        return f"({grown(depth - 1)}) {sign} ({grown(depth - 1)})"

    return ast.unparse(ast.parse(grown(depth), mode="eval"))


def drawn(random: Random, depth: int) -> Code:
    """Return what the emitter writes: calls of calls, sums and texts."""
    text = arithmetic(random, random.randint(0, 4))
    inner = text if depth == 0 or random.random() < 0.2 else drawn(random, depth - 1)
    name = f"{'Long' * random.randint(0, 9)}Name"
    match random.randint(0, 5):
        case 0:
            return call(name, [inner, text])
        case 1:
            return call(
                name, [Prefixed("stride=", text), Prefixed("size=", Brackets("(", (inner,)))]
            )
        case 2:
            loop = Generator(call(name, [inner]), "for _ in range(3)")
            return call("nn.Sequential", [Brackets("*(", (loop,), hugs=True)])
        case 3:
            return call(name, [Choice("flag", call(name, [inner]), "nn.Identity()")])
        case 4:
            return operation("+", ["x", call(f"self.{name}", [inner]), "out"])
    return call(name, [inner])


@pytest.mark.parametrize("batch", range(4))
def test_code_is_broken_as_ruff_breaks_it(batch: int, tmp_path: Path) -> None:
    random = Random(batch)
    lines = ["def f():"]
    for _ in range(draws(100, 2000)):
        head = random.choice(("x = ", "return ", "self.child = ", f"self.{'Long' * 9}Name = "))
        lines += statement(head, drawn(random, random.randint(0, 3)), depth=1)
    path = tmp_path / "code.py"
    path.write_text("\n".join(lines) + "\n")
    assert max(map(len, lines)) > WIDTH // 2
    command = ("ruff", "format", "--isolated", "--diff", str(path))
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
