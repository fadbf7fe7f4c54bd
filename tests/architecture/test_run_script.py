"""What ./run promises about set-up, seen with a stand-in for the installer: no package is fetched here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)
# All that ./run may count on besides Python.
TOOLS = (
    "bash",
    "dirname",
    "env",
    "flock",
    "head",
    "ln",
    "mkdir",
    "mv",
    "pwd",
    "readlink",
    "rm",
    "sha256sum",
    "sleep",
)

# Takes the installer's place: writes down what it is asked, and makes an environment that only knows `pytest`.
INSTALLER = """#!/usr/bin/env bash
case "$1 $2" in
    "--version "*) exit 0 ;;
    "venv "*)
        echo venv >>"$INSTALLER_LOG"
        sleep 0.1
        venv=${!#}
        mkdir -p "$venv/bin"
        ln -s "$BASE_PYTHON" "$venv/bin/python"
        printf '#!/bin/sh\\npwd\\n' >"$venv/bin/pytest"
        chmod +x "$venv/bin/pytest"
        ;;
    "pip install")
        case "$*" in
            *--require-hashes*)
                if [ -e "$INSTALLER_LOG.cut" ]; then kill -9 "$PPID"; exit 1; fi
                echo packages >>"$INSTALLER_LOG"
                ;;
            *--editable*) echo project >>"$INSTALLER_LOG" ;;
        esac
        ;;
esac
"""


class Checkout:
    """A copy of ./run in a folder with a space in its name, and a PATH that holds nothing by accident."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        self.path = folder / "bin"
        self.log = folder / "installed.log"
        (self.root / "requirements").mkdir(parents=True)
        self.path.mkdir()
        shutil.copy(ROOT / "run", self.root)
        self.lock = self.root / "requirements" / "lock.txt"
        self.lock.write_text("one==1\n")
        self.project = self.root / "pyproject.toml"
        self.project.write_text("[project]\n")
        for tool in (*TOOLS, "chmod", "sh"):
            if found := shutil.which(tool):
                (self.path / tool).symlink_to(found)
        self.add("python3", f'#!/bin/sh\nexec "{BASE_PYTHON}" "$@"\n')

    def add(self, name: str, script: str) -> None:
        (self.path / name).write_text(script)
        (self.path / name).chmod(0o755)

    def start(
        self, *command: str, cwd: Path | None = None, run: Path | None = None
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(run or self.root / "run"), *command],
            cwd=cwd or self.root,
            env={
                "PATH": str(self.path),
                "INSTALLER_LOG": str(self.log),
                "BASE_PYTHON": BASE_PYTHON,
                "VIRTUAL_ENV": "/nowhere",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, cwd: Path | None = None, run: Path | None = None) -> tuple[int, str, str]:
        started = self.start(*command, cwd=cwd, run=run)
        out, err = started.communicate(timeout=60)
        return started.returncode, out, err

    def installed(self) -> list[str]:
        """What the installer was asked for since this was last asked."""
        if not self.log.exists():
            return []
        words = self.log.read_text().split()
        self.log.unlink()
        return words


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def checkout(bare_checkout: Checkout) -> Checkout:
    bare_checkout.add("uv", INSTALLER)
    return bare_checkout


def test_without_a_command_it_says_how_it_is_used(checkout: Checkout) -> None:
    code, out, err = checkout.run()

    assert code == 2
    assert not out
    assert len(err.splitlines()) == 2
    assert not checkout.installed()


def test_the_first_start_sets_up_and_the_second_does_nothing(checkout: Checkout) -> None:
    assert checkout.run("true-is-missing")[0] == 127
    assert checkout.installed() == ["venv", "packages", "project"]

    code, out, err = checkout.run("pytest")

    assert (code, out, err) == (0, f"{checkout.root}\n", "")
    assert not checkout.installed()


def test_a_new_lock_makes_the_environment_anew_and_a_new_project_file_only_the_project(
    checkout: Checkout,
) -> None:
    checkout.run("pytest")
    checkout.installed()

    checkout.project.write_text("[project]\nname = 'counterfoil'\n")
    checkout.run("pytest")
    assert checkout.installed() == ["project"]

    checkout.lock.write_text("one==2\n")
    checkout.run("pytest")
    assert checkout.installed() == ["venv", "packages", "project"]


def test_a_set_up_that_was_cut_short_is_done_again(checkout: Checkout) -> None:
    cut = Path(f"{checkout.log}.cut")
    cut.touch()
    assert checkout.run("pytest")[0] != 0
    cut.unlink()
    checkout.installed()

    code, out, _ = checkout.run("pytest")

    assert (code, out) == (0, f"{checkout.root}\n")
    assert checkout.installed() == ["venv", "packages", "project"]


def test_two_starts_at_once_set_up_once(checkout: Checkout) -> None:
    starts = [checkout.start("pytest") for _ in range(2)]
    outputs = [start.communicate(timeout=60)[0] for start in starts]

    assert outputs == [f"{checkout.root}\n"] * 2
    assert checkout.installed() == ["venv", "packages", "project"]


def test_the_checks_run_at_the_root_and_anything_else_where_the_caller_is(
    checkout: Checkout, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "till"
    link.symlink_to(checkout.root / "run")

    assert checkout.run("pytest", cwd=elsewhere, run=link)[:2] == (0, f"{checkout.root}\n")
    assert checkout.run("pwd", cwd=elsewhere, run=link)[:2] == (0, f"{elsewhere}\n")


def test_the_command_gets_this_environment_and_writes_bytecode(checkout: Checkout) -> None:
    variables = dict(line.split("=", 1) for line in checkout.run("env")[1].splitlines())

    assert variables["VIRTUAL_ENV"] == str(checkout.root / ".venv")
    assert variables["PATH"].startswith(f"{checkout.root}/.venv/bin{os.pathsep}")
    assert "PYTHONDONTWRITEBYTECODE" not in variables


def test_a_python_that_cannot_make_environments_is_told_in_one_line(bare_checkout: Checkout) -> None:
    bare_checkout.add(
        "python3",
        f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec "{bare_checkout.path}/real" "$@"\n',
    )
    # Its answer to where it lives must be the crippled one, as it is on a system without the package.
    bare_checkout.add("real", f'#!/bin/sh\necho "{bare_checkout.path}/python3"\n')

    code, out, err = bare_checkout.run("pytest")

    assert code == 1
    assert not out
    assert len(err.splitlines()) == 1
    assert "apt install python3-venv" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can install a package")
def test_root_on_a_bare_debian_gets_what_python_lacks(bare_checkout: Checkout) -> None:
    bare_checkout.add(
        "python3",
        f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec "{bare_checkout.path}/real" "$@"\n',
    )
    bare_checkout.add("real", f'#!/bin/sh\necho "{bare_checkout.path}/python3"\n')
    bare_checkout.add("apt-get", f'#!/bin/sh\necho "$*" >>"{bare_checkout.path}/asked"\n')

    code, _, err = bare_checkout.run("pytest")

    assert (bare_checkout.path / "asked").read_text().splitlines() == [
        "update -qq",
        "install -qq -y --no-install-recommends python3 python3-venv",
    ]
    assert code == 1
    assert "apt install python3-venv" in err, "here it did not help, so the person is told"


def test_a_python_that_does_not_start_is_passed_over(checkout: Checkout) -> None:
    checkout.add("python3", "#!/bin/sh\necho 'no such version installed' >&2\nexit 127\n")
    code, _, err = checkout.run("pytest")
    assert code == 1
    assert len(err.splitlines()) == 1

    checkout.add("python3.12", f'#!/bin/sh\nexec "{BASE_PYTHON}" "$@"\n')
    assert checkout.run("pytest")[0] == 0


def test_this_checkout_is_set_up_and_finds_its_own_packages(tmp_path: Path) -> None:
    state = ROOT / ".venv" / "state"
    if Path(sys.prefix) != ROOT / ".venv" or not state.exists():
        pytest.skip("the tests were not started by ./run")

    found = subprocess.run(
        [ROOT / "run", "python", "-c", "import pos; print(pos.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout == f"{ROOT / 'pos' / '__init__.py'}\n"
