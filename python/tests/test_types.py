"""The stubs: complete, right, and enough for a strict program."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def check(*command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_package_and_a_users_program_are_strictly_typed() -> None:
    check("mypy", "--strict", "tickring", "tests/sample_user.py", "benches")


def test_stubs_agree_with_the_module() -> None:
    check("mypy.stubtest", "tickring", "--mypy-config-file", "pyproject.toml")


def test_the_package_says_that_it_is_typed() -> None:
    assert (PROJECT / "tickring" / "py.typed").is_file()
