"""The tutorials: their blocks, run one after the other in one shell, print what they show."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.example_server import free_port
from tests.support.preloaded import stand_ins

TUTORIALS = ROOT / "docs" / "tutorials"

BLOCK = re.compile(r'^```(?P<language>\w+)(?: title="(?P<file>[^"]+)")?\n(?P<code>.*?)^```', re.DOTALL | re.MULTILINE)


def script(text: str) -> tuple[str, list[str]]:
    """Shell script of a tutorial, and what each of its console blocks is said to print, empty where nothing is said."""
    lines, shown = ["set -eu; exec 2>&1"], []
    for match in BLOCK.finditer(text):
        language, file, code = match["language"], match["file"], match["code"]
        if file:
            lines.append(f"cat >> {file} <<'END-OF-BLOCK'\n{code}\n\nEND-OF-BLOCK")
        elif language == "console":
            lines.append(f"{code}\nprintf '\\n=== end of block\\n'")
            shown.append("")
        else:
            shown[-1] = code
    return "\n".join(lines), shown


def normalized(text: str) -> str:
    """Text without what differs from run to run: times, durations, folders, colours."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)", "TIME", text)
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize("name", sorted(path.stem for path in TUTORIALS.glob("*.md")))
def test_blocks_run_and_print_what_is_shown(name: str, tmp_path: Path) -> None:
    text = (TUTORIALS / f"{name}.md").read_text()
    code, shown = script(text.replace(":8000", f":{(port := free_port())}").replace("--port 8000", f"--port {port}"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRACTAL_")}
    commands = tmp_path / "commands"
    commands.mkdir()
    stand_ins(commands)
    (commands / "python").unlink()  # this one takes no script from its standard input
    environment["PATH"] = os.pathsep.join([str(commands), str(Path(sys.executable).parent), environment["PATH"]])

    run = subprocess.run(
        ["bash", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout
    printed = run.stdout.split("\n=== end of block\n")
    for output, expected in zip(printed, shown, strict=False):
        assert normalized(expected) in normalized(output)
