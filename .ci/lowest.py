"""Print the lowest versions that `pyproject.toml` allows, as constraints for pip."""

import re
import tomllib
from itertools import chain
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+) (\[.*])? (>= (?P<floor>[\w.]+))?", re.VERBOSE)


def lowest_versions() -> dict[str, str]:
    """The floor of each package that the project or one of its extras requires.

    Raises:
        ValueError: One has none.
    """
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    floors: dict[str, str] = {}
    for requirement in chain(project["dependencies"], *project["optional-dependencies"].values()):
        found = REQUIREMENT.match(requirement)
        assert found
        if found["floor"]:
            floors[found["name"]] = found["floor"]
        elif found["name"] not in {*floors, project["name"]}:
            message = f"pyproject.toml: {requirement} has no lowest version"
            raise ValueError(message)
    return floors


if __name__ == "__main__":
    for name, floor in lowest_versions().items():
        print(f"{name}=={floor}")
