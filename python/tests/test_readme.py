"""The README's commands and Python, run as they stand there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_commands_and_the_python_of_the_readme_work(directory: Path, tmp_path: Path) -> None:
    tool = os.environ.get("TICKRING_BIN")
    if not tool:
        pytest.skip("TICKRING_BIN is not set: the README's commands are not run")
    environment = {**os.environ, "TICKRING_DIR": str(directory)}
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("tickring ")]
    assert len(commands) >= 7
    for command in commands:
        done = subprocess.run(
            [tool, *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if command[1] not in ("feed", "window", "shapes", "ann", "record", "replay"):
            assert done.stdout, f"{command} printed nothing"
    python = blocks("python")
    assert python
    for block in python:
        command = [sys.executable, "-c", block]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
