"""The import contracts of pyproject.toml hold, and can break."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = (
    "pos.cli",
    "pos.bootstrap",
    "pos.tui",
    "pos.cards",
    "pos.till",
    "pos.store",
    "pos.domain",
    "sync.central",
    "receipts",
)


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def empty_house(tmp_path: Path) -> Path:
    """The floors without their furniture, under the project's own contracts."""
    for floor in FLOORS:
        folder = tmp_path
        for part in floor.split("."):
            folder /= part
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_import_contract_holds() -> None:
    run = lint_imports(ROOT)

    assert run.returncode == 0, run.stdout + run.stderr


def test_the_contracts_hold_in_an_empty_house(empty_house: Path) -> None:
    run = lint_imports(empty_house)

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("module", "source", "contract"),
    [
        ("pos/domain/money.py", "import sqlalchemy", "The domain is plain Python"),
        ("pos/domain/money.py", "import pos.store", "Each floor sees only the floors below it"),
        ("pos/store/outbox.py", "import pos.till", "Each floor sees only the floors below it"),
        (
            "pos/tui/app.py",
            "import receipts",
            "Screen, till and store never see wire, paper or card terminal",
        ),
        ("pos/cards/nexo.py", "import pos.store", "Card terminals know only the domain"),
        (
            "pos/till/cards.py",
            "import pos.cards",
            "Screen, till and store never see wire, paper or card terminal",
        ),
        ("receipts/pdf.py", "import pos.store", "Paper knows only the domain"),
        ("sync/central/app.py", "import pos.store", "Central knows neither the till's store nor its screen"),
        ("pos/helpers.py", "", "Every module of pos has a floor"),
        ("pos/till/cheques.py", "import pos.till.refunds", "No cycles between siblings"),
    ],
)
def test_a_planted_import_breaks_its_contract(
    empty_house: Path, module: str, source: str, contract: str
) -> None:
    (empty_house / module).write_text(source)
    if "refunds" in source:
        (empty_house / "pos/till/refunds.py").write_text("import pos.till.cheques")

    run = lint_imports(empty_house)

    assert run.returncode != 0
    assert f"{contract} BROKEN" in run.stdout
