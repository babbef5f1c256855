"""Output of commands: `python -m pages.terminal` runs them in forks of one process, which start at once.

Standard input is a list of commands in JSON, standard output a list of what they print, with their exit codes. All run
in the current folder. A command is the arguments of `fractal-models`, or a statement of SQL for `fractal.db` that ends
with a semicolon.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
from contextlib import closing

from fractal_models.cli.main import main


def _output(command: str) -> tuple[str, int]:
    """Run a command; SQL prints nothing."""
    if command.endswith(";"):
        with closing(sqlite3.connect("fractal.db")) as connection:
            connection.execute(command)
            connection.commit()
        return "", 0
    with tempfile.TemporaryFile("w+") as output:
        process = os.fork()
        if process == 0:
            for descriptor in (1, 2):
                os.dup2(output.fileno(), descriptor)
            sys.argv = ["fractal-models", *command.split()]
            # As the interpreter does at the end of a program.
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            else:
                code = 0
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        output.seek(0)
        return output.read(), code


if __name__ == "__main__":
    commands = json.load(sys.stdin)
    sys.stdin = open(os.devnull)  # noqa: SIM115 (for all commands)
    json.dump([_output(command) for command in commands], sys.stdout)
