"""The rules of who may import whom, as `make check` judges them; here so that no test run can pass without them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = {
    "config",
    "console",
    "insight",
    "dayend",
    "relending",
    "collections",
    "extensions",
    "repayment",
    "credit",
    "application",
    "acquisition",
    "outreach",
    "customers",
    "audit",
    "staff",
    "calendars",
    "core",
    "sandbox",
}


def lint(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_goes_downwards() -> None:
    done = lint()

    assert done.returncode == 0, done.stdout


def test_a_package_that_nobody_placed_is_a_mistake() -> None:
    packages = {file.parent.name for file in (ROOT / "backoffice").glob("*/__init__.py")}

    assert packages - PLACES == set()


def test_the_linter_sees_an_upward_import(tmp_path: Path) -> None:
    """The rules hold nothing if the linter is misconfigured: one bad import in a copy must be found."""
    copy = tmp_path / "backoffice"
    subprocess.run(["cp", "-r", str(ROOT / "backoffice"), str(copy)], check=True)
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    core = copy / "core" / "money.py"
    core.write_text(core.read_text() + "\nfrom backoffice.audit.services import record  # upward\n")
    domain = copy / "repayment" / "domain" / "bills.py"
    domain.write_text(domain.read_text() + "\nfrom django.db import models  # a framework\n")
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"

    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    broken = [line.rsplit(" ", 1)[0] for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert "Apps import downwards only" in broken
    assert "The domain knows no framework and no database" in broken
