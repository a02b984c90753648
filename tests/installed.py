"""netspec as a stranger has it: the wheel and its dependencies alone, outside of the repository.

`python tests/installed.py [PLACE …]` builds the wheel, installs it into an environment of its own,
and runs every command in each of the PLACES: without git and dot, as nobody, with a home that
cannot be written, with terminals and pipes of other encodings, without what Windows lacks. What a
command gives must be the same everywhere: its exit code, and the bytes of its files.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADVICE = "pip install 'netspec-compiler["
COMMANDS: Mapping[str, tuple[int, str]] = {
    "netspec --version": (0, "netspec "),
    "netspec --help": (0, "Exit codes"),
    "netspec list": (0, "googlenet          6,998,552"),
    "netspec list googlenet_bn -o copy.yaml": (0, ""),
    "netspec init net": (0, ""),
    "netspec check net.yaml googlenet": (0, "GoogLeNet is fine"),
    "netspec check wrong.yaml": (1, "did you mean `relu` or `relu6`?"),
    "netspec check wrong.yaml --format sarif": (1, "NS0"),
    "netspec check gogglenet": (2, "did you mean `googlenet`?"),
    "netspec check wörter.yaml": (0, "is fine"),
    "netspec render wörter.yaml -o käse.svg": (0, ""),
    "netspec build googlenet -o model.py": (0, ""),
    "netspec build googlenet -o model.py --check": (0, ""),
    "netspec build net.yaml -o -": (0, "class Net(nn.Module)"),
    "netspec build net.yaml -o missing/model.py": (2, "there is no directory missing"),
    "netspec build net.yaml -o mine.txt": (2, "--force replaces it"),
    "netspec build net.yaml -o net.py --verify": (3, ADVICE),
    "netspec optimize vit_b_16 -o fast.yaml": (0, ""),
    "netspec render googlenet -o googlenet.svg": (0, ""),
    "netspec render googlenet -o googlenet.pdf": (0, ""),
    "netspec render googlenet -o googlenet.html": (0, ""),
    "netspec render googlenet -o googlenet.png": (3, ADVICE),
    "netspec render net.yaml -o net.svg --engine graphviz": (3, "`dot` program is not installed"),
    "netspec report googlenet": (0, "1,582,671,872"),
    "netspec report googlenet --paper -o paper.md": (0, ""),
    "netspec report net.yaml -o report.json": (0, ""),
    "netspec report net.yaml --plot plot.svg": (3, ADVICE),
    "netspec compare googlenet nin -o compare.tex": (0, ""),
    "netspec diff googlenet googlenet_bn -o diff.txt": (0, ""),
    "netspec sweep googlenet_width --set width=0.5,1 -o sweep.csv --jobs 2": (0, "2 networks"),
    "netspec fit net.yaml --to params<=150K --vary classes -o fit.csv": (0, ""),
    "netspec import small.prototxt -o small.yaml": (0, ""),
    "netspec import torch:torch.nn:Flatten() -o flat.yaml": (3, ADVICE),
    "netspec weights net.yaml in.pt -o out.pt": (3, ADVICE),
    "netspec export net.yaml -o net.onnx": (3, ADVICE),
    "netspec bench net.yaml": (3, ADVICE),
    "netspec profile net.yaml": (3, ADVICE),
    "netspec serve": (3, ADVICE),
    "netspec lsp": (3, ADVICE),
    "netspec explain NS053": (0, "NS053"),
    "netspec fmt net.yaml --check": (0, ""),
    "netspec fmt loose.yaml": (0, ""),
    "netspec ops conv2d": (0, "conv2d"),
    "netspec trust .": (0, ""),
    "netspec trust --list": (0, "someones_ops"),
    "netspec completion bash -o completion.sh": (0, ""),
    "netspec schema -o schema.json": (0, ""),
    "python -c 'import netspec; print(netspec.load(\"nin\").parameters)'": (0, "7595176"),
    "python -c 'import netspec; netspec.load(\"nin\").build()'": (1, ADVICE),
}
"""What is run, its exit code, and what it says; all in one folder, one after the other."""
SMALL = """\
layer { name: "data" type: "Input" top: "data"
        input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 4 kernel_size: 3 } }
"""
SPEC = "netspec: 1\nname: {}\ninputs: {{image: [3, 8, 8]}}\ngraph:\n  a:   {}\noutputs: {{y: a}}\n"
FILES = {
    "wrong.yaml": SPEC.format("Wröng", "reluu  # ein Fehler – “absichtlich”"),
    "loose.yaml": SPEC.format("Loose", "relu # é"),
    "wörter.yaml": SPEC.format("Words", "relu"),
    "small.prototxt": SMALL,
    "in.pt": "no weights",
    "mine.txt": "mine",
    "pyproject.toml": "[tool.netspec]\nops = ['someones_ops']\n",
}
NO_WINDOWS = """\
import multiprocessing, os, signal, sys
multiprocessing.set_start_method("spawn")
for name in ("fchmod fork forkpty geteuid getuid getgid getpgid killpg mkfifo O_NOFOLLOW "
             "O_NONBLOCK O_CLOEXEC O_DIRECTORY setsid uname sched_getaffinity chown").split():
    if hasattr(os, name): delattr(os, name)
for name in ("SIGHUP SIGQUIT SIGALRM SIGPIPE SIGKILL SIGUSR1 SIGUSR2 SIGWINCH").split():
    if hasattr(signal, name): delattr(signal, name)
for name in ("fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "readline"):
    sys.modules[name] = None
for stream in (sys.stdout, sys.stderr):
    if stream is not None: stream.reconfigure(newline="\\r\\n")
"""
"""What a `sitecustomize` takes away that Python has not on Windows, whose lines end otherwise."""
NOBODY = 65534
_IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
"""Only root can run a program as somebody else; others are nobody enough."""
_PLAIN = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Lets Python believe what LC_ALL says."""


@dataclass(frozen=True)
class Place:
    """Where commands are run.

    `environment` is added to a bare one, `codes` are the exit codes that are others here, and
    `encoding` that of the texts; `nobody` runs as a user who owns nothing but the working folder.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)
    encoding: str = "utf-8"
    nobody: bool = False
    closed_home: bool = False
    modules: str = ""
    """What a `sitecustomize` does."""


PLACES: Mapping[str, Place] = {
    "wheel only": Place(),
    "nobody": Place(nobody=True),
    "read-only home": Place(
        nobody=True, closed_home=True, codes={"netspec trust .": 3, "netspec trust --list": 0}
    ),
    "LC_ALL=C": Place({**_PLAIN, "LC_ALL": "C"}, encoding="ascii"),
    "cp1252 pipe": Place(
        {**_PLAIN, "LC_ALL": "C", "PYTHONIOENCODING": "cp1252"}, encoding="cp1252"
    ),
    "Windows's missing calls": Place(
        {**_PLAIN, "LC_ALL": "C", "PYTHONIOENCODING": "cp1252"},
        encoding="cp1252",
        modules=NO_WINDOWS,
    ),
}


class Unavailable(Exception):
    """What is missing on this machine to build and install the wheel."""


def install(folder: Path) -> Path:
    """Build the wheel and install it with its dependencies; return the folder of its programs.

    Raises Unavailable where packages cannot be fetched.
    """
    folder.chmod(0o755)
    system = shutil.which("python3", path="/usr/bin")
    python = sys.executable if _is_open(sys.executable) or not system else system
    _make([sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(folder), str(ROOT)])
    _make([python, "-m", "venv", str(folder / "venv")])
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    wheel = next(folder.glob("*.whl"))
    _make([str(programs / "python"), "-m", "pip", "install", str(wheel)])
    return programs


def _is_open(program: str) -> bool:
    """Tell whether everybody may run a program."""
    real = Path(program).resolve()
    return all(path.stat().st_mode & 0o001 for path in (real, *real.parents))


def _make(words: Sequence[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    made = subprocess.run(words, capture_output=True, text=True, env=environment)
    if made.returncode:
        raise Unavailable(made.stderr.strip().rpartition("\n")[2])


def problems(programs: Path, name: str) -> list[str]:
    """Return what goes wrong in a place: codes, texts and files that are not as wanted."""
    place, found = PLACES[name], []
    said, files = results(programs, name)
    for command, (code, text) in COMMANDS.items():
        if command in place.codes:
            code, text = place.codes[command], ""
        given, output = said[command]
        is_traced = "Traceback" in output and not command.startswith("python ")
        if given != code or is_traced or text not in output:
            found.append(f"{command}: exit code {given}, expected {code} and `{text}`: {output}")
    _, wanted = results(programs, "wheel only")
    found += [
        f"{path}: not the file that it is elsewhere"
        for path in sorted(files.keys() | wanted.keys())
        if files.get(path) != wanted.get(path)
    ]
    return found


@cache
def results(programs: Path, name: str) -> tuple[dict[str, tuple[int, str]], dict[str, bytes]]:
    """Run every command in a place; return the codes and what is said, and the files written."""
    place = PLACES[name]
    with tempfile.TemporaryDirectory() as above:
        work, home = Path(above, "work"), Path(above, "home")
        for folder in (Path(above), work, home):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        for path, text in FILES.items():
            (work / path).write_text(text, encoding="utf-8")
        Path(above, "sitecustomize.py").write_text(place.modules)
        if place.nobody and _IS_ROOT:
            for path in (work, home, *work.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        home.chmod(0o555 if place.closed_home else 0o755)
        said = {command: _run(command, place, programs, Path(above)) for command in COMMANDS}
        return said, {path.name: path.read_bytes() for path in work.iterdir()}


def _run(command: str, place: Place, programs: Path, above: Path) -> tuple[int, str]:
    """Return the exit code of a command and all that it says."""
    first, *words = shlex.split(command)
    home = str(above / "home")
    environment = {"PATH": str(programs), "PYTHONPATH": str(above), "PYTHONUTF8": "1", "HOME": home}
    if os.name == "nt":  # its names for the home, and for where Python finds random numbers
        environment |= {"USERPROFILE": home, "SYSTEMROOT": os.environ["SYSTEMROOT"]}
    user = (
        {"user": NOBODY, "group": NOBODY, "extra_groups": []} if place.nobody and _IS_ROOT else {}
    )
    done = subprocess.run(
        [str(programs / first), *words],
        cwd=above / "work",
        env={**environment, **place.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        **user,
    )
    return done.returncode, done.stdout.decode(place.encoding)


def main(names: Sequence[str]) -> int:
    """Run everything in these places; print a line about each, and what goes wrong there."""
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        programs = install(Path(folder))
        for name in names or PLACES:
            found = problems(programs, name)
            files = len(results(programs, name)[1]) - len(FILES)
            print(f"{name}: {len(COMMANDS)} commands, {files} new files, {len(found)} problems")
            print("".join(f"  {line}\n" for line in found), end="", flush=True)
            count += len(found)
    return 1 if count else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
