"""The files of the package stay short enough to be read in one go."""

from tests.support.databases import ROOT

LONGEST = 260


def test_no_file_of_the_package_is_too_long() -> None:
    lines = {file: len(file.read_text().splitlines()) for file in (ROOT / "fractal_models").rglob("*.py")}

    assert {str(file.relative_to(ROOT)): number for file, number in lines.items() if number > LONGEST} == {}
