"""The command line: what it lists, how fast it starts, and the code it ends with."""

import errno
import subprocess
import sys
import types
from pathlib import Path

import pytest

import run
from calibration.errors import InputError, Problem

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.stem for path in run.FOLDER.glob("*.py") if not path.stem.startswith("_"))


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Replaces the commands by one called `compare` that does what the test tells it to."""
    module = types.ModuleType("outputs.commands.compare")
    module.add_parser = lambda subparsers: subparsers.add_parser("compare").add_argument("names", nargs="*")
    module.run = lambda args: 0
    (tmp_path / "compare.py").touch()
    monkeypatch.setattr(run, "FOLDER", tmp_path)
    monkeypatch.setitem(sys.modules, "outputs.commands.compare", module)
    return module


def raising(error):
    def command(args):
        raise error

    return command


def test_every_command_is_listed_with_a_summary():
    assert set(MODULES) <= set(run.COMMANDS)


@pytest.mark.parametrize("name", MODULES)
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as ended:
        run.main([name, "--help"])
    assert ended.value.code == 0
    assert f"run.py {name}" in capsys.readouterr().out


def test_help_loads_nothing_heavy():
    code = (
        "import sys, run\n"
        "try: run.guarded(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'scipy', 'xarray', 'pandas', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_runs_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "run.py", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_alone_it_runs_the_default_comparison(fake):
    seen = []
    fake.run = lambda args: seen.append(args.command) or 0
    assert run.guarded([]) == 0
    assert seen == ["compare"]


def test_arguments_reach_the_command(fake):
    fake.run = lambda args: len(args.names)
    assert run.guarded(["compare", "a", "b"]) == 2


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError([Problem("bad", "a.yaml", 3), Problem("worse")]), 2, "a.yaml:3: bad\nworse\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (OSError(errno.ENOSPC, "No space left on device", "out.nc"), 3, "out.nc: No space left on device\n"),
        (ModuleNotFoundError("no", name="pymrio.tools"), 3, "package pymrio.tools is not installed"),
    ],
)
def test_what_the_user_can_mend_is_a_line_and_a_code(fake, capsys, error, code, message):
    fake.run = raising(error)
    assert run.guarded(["compare"]) == code
    streams = capsys.readouterr()
    assert streams.err.startswith(message)
    assert "Traceback" not in streams.err


@pytest.mark.parametrize(
    ("package", "argv"),
    [("sklearn", ["patents", "classify"]), ("pyfixest", ["estimate", "exposure", "--draws", "99"])],
)
def test_a_package_that_is_missing_is_named_with_the_lock_file(monkeypatch, tmp_path, capsys, package, argv):
    """An environment of `make run` has none of these; what the README installs them by is hashed and locked."""
    for name in [one for one in sys.modules if one.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert run.guarded([*argv, "--out", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert f"package {package}" in said
    assert "requirements-dev.lock" in said


@pytest.mark.parametrize("error", [RuntimeError("bug"), ModuleNotFoundError("bug", name="model.nothing")])
def test_a_fault_of_the_program_keeps_its_traceback(fake, error):
    fake.run = raising(error)
    with pytest.raises(type(error)):
        run.guarded(["compare"])


def test_a_mistyped_command(fake, capsys):
    assert run.guarded(["comparee"]) == 2
    assert capsys.readouterr().err == "unknown command 'comparee'; expected compare; did you mean compare?\n"


def test_a_wrong_option_ends_with_2(fake, capsys):
    assert run.guarded(["compare", "--nonsense"]) == 2
    assert "--nonsense" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
def test_a_reader_that_stops_reading_is_no_fault():
    code = (
        "import sys, types, run, pathlib, tempfile\n"
        "module = types.ModuleType('m')\n"
        "module.add_parser = lambda subparsers: subparsers.add_parser('compare')\n"
        "module.run = lambda args: print('x\\n' * 1_000_000) or 0\n"
        "run.FOLDER = pathlib.Path(tempfile.mkdtemp()); (run.FOLDER / 'compare.py').touch()\n"
        "sys.modules['outputs.commands.compare'] = module\n"
        "sys.exit(run.guarded([]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141
