"""Write the generated pages: `python -m pages`; with `--draw` the diagrams too; `--check` compares them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pages import (
    benchmarks,
    changelog,
    commands,
    deletions,
    dictionary,
    enumerations,
    migrations,
    models,
    screens,
    states,
    views,
)
from pages.markdown import REGION, fill

DOCS = Path(__file__).parent.parent / "docs"


def generated() -> Iterator[tuple[Path, str]]:
    """Files and the texts that they should have."""
    for module in (models, dictionary, enumerations, migrations, commands, changelog):
        for name, text in module.pages():
            yield DOCS / name, text
    regions = dict(
        [*states.regions(), *screens.regions(), *deletions.regions(), *benchmarks.regions(), *views.regions()]
    )
    for path in (DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))):
        if REGION.search(text := path.read_text()):
            yield path, fill(text, regions)


def stale() -> list[Path]:
    """Files whose text is not current."""
    return [path for path, text in generated() if not path.exists() or path.read_text() != text]


def draw() -> None:
    """Write the diagrams and the DOT texts that they are drawn from."""
    from pages.diagram import drawings, svg

    for name, dot in drawings():
        (DOCS / "diagrams" / f"{name}.dot").write_text(dot)
        (DOCS / "diagrams" / f"{name}.svg").write_text(svg(name, dot))


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser(prog="python -m pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; list the files that are not current")
    parser.add_argument("--draw", action="store_true", help="draw the diagrams, with Graphviz")
    options = parser.parse_args()
    if options.check:
        if files := stale():
            sys.exit("not current: " + ", ".join(str(path.relative_to(DOCS)) for path in files))
        return
    for path, text in generated():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    if options.draw:
        (DOCS / "diagrams").mkdir(exist_ok=True)
        draw()


if __name__ == "__main__":
    main()
