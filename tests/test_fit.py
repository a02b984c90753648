"""The largest value that keeps a contract, against trying every value."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import netspec
from netspec import limits
from netspec.cli import main
from netspec.explore.fit import FitError, UnkeptError
from tests.support import ROOT, draws

GOOGLENET = str(ROOT / "specs" / "googlenet_width.yaml")
HOLDS = {"<=": int.__le__, ">=": int.__ge__, "<": int.__lt__, ">": int.__gt__, "=": int.__eq__}


def spec(out: str, own: float = 8, stride: str = "1", there: str = "$n >= 0") -> str:
    return f"""\
netspec: 1
name: Net
params: {{n: {own}, unused: true}}
inputs: {{image: [3, 20, 20]}}
graph:
  conv: {{conv2d: [{out}, 3], stride: {stride}}}
  more: {{conv2d: [4, 1], when: {there}}}
  pool: {{max_pool2d: 2}}
  flat: flatten
  fc:   {{linear: 10}}
outputs: {{logits: fc}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.yaml"


def exhaustive(path: Path, sign: str, number: int, values: list[float]) -> float | None:
    """Return the largest of some values that keeps a contract on multiply-adds."""
    kept = []
    for value in values:
        try:
            macs = netspec.load(path, n=value).macs
        except netspec.SpecError:
            continue
        kept += [value] if HOLDS[sign](macs, number) else []
    return max(kept, default=None)


RISING = ("$n", "$n * 3 + 1", "$n // 2")
CROOKED = ("$n % 7 + 1", "40 - $n", "$n % 2 * 8", "$n * (9 - $n % 5)", "24 // $n", "$n // (5 - $n)")
CONDITIONS = ("$n >= 0", "$n % 3 != 0", "$n < 12")


@pytest.mark.parametrize("seed", range(draws(10, 80)))
def test_it_is_what_trying_every_value_finds(seed: int, path: Path) -> None:
    draw = random.Random(seed)
    out, there = draw.choice(RISING + CROOKED), draw.choice(CONDITIONS)
    stride = draw.choice(("1", "1", "$n % 3 + 1", "$n"))
    is_real = draw.random() < 0.3 and stride == "1"
    step, own = (0.5, draw.randint(1, 16) / 2) if is_real else (1, draw.randint(1, 16))
    path.write_text(spec(f"({out}) // 1" if is_real else out, own, stride, there))
    sign = draw.choice(list(HOLDS))
    number = draw.randint(0, 60_000)
    try:
        found = netspec.fit(path, f"macs{sign}{number}", "n", step)
    except UnkeptError:
        assert exhaustive(path, sign, number, [i * step for i in range(33)]) is None
    except FitError as error:  # values far beyond those of the next lines keep it
        assert "none is largest" in str(error) or "a larger step" in str(error)
        assert exhaustive(path, sign, number, [i * step for i in range(2000, 2030)]) is not None
    else:
        top = found.most if found.is_whole else found.value + 30 * step
        bottom = 0 if found.is_whole else max(0, found.value - 30 * step)
        count = int((top - bottom) / step) + 1
        values = [bottom + i * step for i in range(count)]
        assert found.value == exhaustive(path, sign, number, values)
        assert found.above.point.values["n"] == found.value + step


def test_the_example_of_the_readme() -> None:
    found = netspec.fit(GOOGLENET, "macs<=1.5G", "width", 0.125)
    assert (found.value, found.above.point.values) == (0.875, {"width": 1.0})
    assert found.best.point.macs == netspec.load(GOOGLENET, width=0.875).macs <= 1_500_000_000
    assert found.above.faults == ("`macs` is 82,671,872 too large",)


def test_several_contracts_are_all_kept() -> None:
    both = netspec.fit(GOOGLENET, ["macs<=1.5G", "params<=4M"], "width", 0.125)
    alone = netspec.fit(GOOGLENET, "params<=4M", "width", 0.125)
    assert both.value == alone.value == 0.625


def test_other_parameters_can_be_set() -> None:
    assert netspec.fit(GOOGLENET, "macs<=1.5G", "width", 0.125, size=256).value == 0.75


def test_what_cannot_be_kept_says_how_near_it_comes(path: Path) -> None:
    path.write_text(spec("$n", 8))
    with pytest.raises(UnkeptError) as raised:
        netspec.fit(path, ["params<=9999", "macs<=5K"], "n")
    assert str(raised.value).startswith("`macs <=5K` cannot be kept; 65 values of `n`")
    least = netspec.load(path, n=1).macs
    assert raised.value.details == (
        f"nearest at n=1: `macs` is {least:,}, {least - 5000:,} too large",
    )


def test_a_real_parameter_has_values_in_between() -> None:
    with pytest.raises(UnkeptError) as raised:
        netspec.fit(GOOGLENET, "macs<=1.5G", "width")
    assert raised.value.details[-1] == "a step of less than 1 has values in between"


def test_contracts_that_only_exclude_each_other(path: Path) -> None:
    path.write_text(spec("$n", 8))
    with pytest.raises(UnkeptError, match="cannot be kept together"):
        netspec.fit(path, ["params<=3300", "macs>=50K"], "n")


# ------------------------------------------------------------------ more values than can be tried


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only some forty networks be compiled."""
    monkeypatch.setattr(limits, "FITTED", 4_000)


@pytest.mark.usefixtures("few")
def test_a_sample_of_what_rises_is_enough(path: Path) -> None:
    path.write_text(spec("$n", 8))
    found = netspec.fit(path, "params<=1M", "n")
    assert (found.is_whole, found.rises) == (False, True)
    assert netspec.load(path, n=found.value).parameters <= 1_000_000
    assert netspec.load(path, n=found.value + 1).parameters > 1_000_000
    assert found.tried < 100


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("out", "there"),
    [("$n", "$n % 2 == 0"), ("$n * (2 - $n % 2)", "$n >= 0"), ("$n // (1 - $n % 2)", "$n >= 0")],
)
def test_a_sample_of_what_does_not_is_refused(path: Path, out: str, there: str) -> None:
    path.write_text(spec(out, 8, there=there))
    with pytest.raises(FitError, match="a larger step has fewer") as raised:
        netspec.fit(path, "params<=1M", "n")
    assert not isinstance(raised.value, UnkeptError)


# ------------------------------------------------------------------ the command


def test_the_command_shows_the_answer_and_the_next_value(capsys) -> None:
    words = ["--to", "macs<=1.5G", "--vary", "width", "--step", "0.125"]
    assert main(["fit", GOOGLENET, *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:3] == ["0.875", "5,472,326", "1,224,752,928"]
    assert lines[3].endswith("`macs` is 82,671,872 too large")
    assert main(["fit", GOOGLENET, *words, "--format", "json"]) == 0
    assert '"width": 0.875' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--to", "params<=1", "--vary", "n"], 1, "nearest at n=1: `params` is"),
        (["--to", "params<=1G", "--vary", "unused"], 2, "true or false"),
        (["--to", "params<=1G", "--vary", "m"], 2, "no parameter `m`"),
        (["--to", "params<=1G", "--vary", "n", "--step", "0.5"], 2, "an integer"),
        (["--to", "params<=1G", "--vary", "n", "--set", "n=3"], 2, "cannot be set"),
        (["--to", "params<=1G", "--vary", "n", "--set", "unused=3"], 2, "true or false"),
        (["--to", "flops<=3G", "--vary", "n"], 2, "`macs: <=1.5G`"),
        (["--to", "parms<=3G", "--vary", "n"], 2, "did you mean `params`?"),
        (["--to", "params=<3G", "--vary", "n"], 2, "a bound is"),
        (["--to", "params<=nan", "--vary", "n"], 2, "a bound is"),
        (["--to", "params<=1e999", "--vary", "n"], 2, "a bound is"),
        (["--to", "params<=" + "9" * 9999, "--vary", "n"], 2, "a bound is"),
        (["--to", "\x1b[31m<=3", "--vary", "n"], 2, "no metric"),
        (["--to", "", "--vary", "n"], 2, "no metric"),
    ],
)
def test_what_is_asked_wrongly(
    words: list[str], code: int, text: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text(spec("$n", 8))
    assert main(["fit", str(path), *words]) == code
    out, err = capsys.readouterr()
    assert (out, text in err, "\x1b" in err) == ("", True, False)


@pytest.mark.parametrize("step", ["nan", "1e400", "x", ""])
def test_a_step_is_a_number(step: str, path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["fit", str(path), "--to", "macs<=1", "--vary", "n", "--step", step])
    assert (raised.value.code, "expected a number" in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize("step", [0, -1, 1e-300, 1e300, float("nan"), float("inf")])
def test_a_step_is_neither_nothing_nor_endless(step: float) -> None:
    with pytest.raises(FitError, match="a step is"):
        netspec.fit(GOOGLENET, "macs<=1G", "width", step)


def test_a_parameter_that_changes_nothing_has_no_largest_value() -> None:
    with pytest.raises(FitError, match="none is largest"):
        netspec.fit(GOOGLENET, "macs<=2G", "aux_weight")
