"""Facts about the tree itself that nothing else would notice."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pos", "sync", "receipts")

# Put together here, so that this file doesn't name them itself.
_HOSTS = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "debian" + ".org")
ADDRESS_OF_A_MACHINE_OR_REGISTRY = re.compile(
    r"(?<![\w.])/" + "work/" + "|" + "|".join(re.escape(host) for host in _HOSTS), re.IGNORECASE
)


def project_files() -> list[Path]:
    """What is or may be committed; without git, all but what the tools leave."""
    try:
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        left_out = {".git", ".venv", "__pycache__", "build", "dist"}
        return [
            path
            for path in ROOT.rglob("*")
            if path.is_file()
            and not any(part in left_out or part.endswith("_cache") for part in path.relative_to(ROOT).parts)
        ]
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def names_an_address(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if ADDRESS_OF_A_MACHINE_OR_REGISTRY.search(line)]


def test_config_is_data() -> None:
    assert not list((ROOT / "config").rglob("*.py"))


def test_no_test_folder_is_a_package() -> None:
    # tests/sync/__init__.py would make `import sync` load the tests.
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is_for(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules, f"nothing to read in {package}"

    silent = [
        module.relative_to(ROOT).as_posix()
        for module in modules
        if not ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    ]

    assert not silent


def test_no_file_names_a_machine_or_a_registry() -> None:
    files = project_files()
    assert ROOT / "pyproject.toml" in files

    found = {}
    for path in files:
        try:
            lines = names_an_address(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue
        if lines:
            found[path.relative_to(ROOT).as_posix()] = lines[:3]

    assert not found


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("cd /" + "work/main", True),
        ("index = https://" + "PyPI" + ".org/simple", True),
        ("files." + "python" + "hosted.org", True),
        ("net" + "work/inbound.py", False),
        ("tests/paper" + "work/receipt.py", False),
        ("pip install counterfoil", False),
    ],
)
def test_a_planted_address_is_found(text: str, named: bool) -> None:
    assert bool(names_an_address(text)) is named


def test_the_lock_holds_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")

    assert "://" not in lock
    packages = re.findall(r"^([a-z0-9._-]+)==.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)+", lock, re.MULTILINE)
    assert len(packages) == len(re.findall(r"^[^\s#]", lock, re.MULTILINE)) > 20


@pytest.mark.parametrize("script", ["run", ".ci/run"])
def test_a_script_can_be_started(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


def test_every_screen_and_paper_writes_its_amounts_in_the_shops_format() -> None:
    """``Money.plain()`` is for books and wires; ``seat.shown`` and ``labels.numbers.shown`` are for people."""
    typed = ROOT / "pos" / "tui" / "seat.py"
    modules = [
        path
        for folder in (ROOT / "pos" / "tui", ROOT / "receipts")
        for path in sorted(folder.rglob("*.py"))
        if path != typed
    ]
    assert len(modules) > 40
    assert [
        path.relative_to(ROOT).as_posix() for path in modules if ".plain()" in path.read_text("utf-8")
    ] == []
