"""Diagrams of the tables: DOT by paracelsus, with a link for each table, and ON DELETE rules on the lines.

Graphviz draws them: `python -m pages --draw`. Both the DOT text and the drawing are kept, so that a test can tell
whether a drawing is that of the tables.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from paracelsus.transformers.dot import Dot
from pydot import Edge, Node
from sqlalchemy import MetaData, Table

from fractal_models.tables import METADATA
from pages.facts import GENERATIONS, anchor, column_type, generation, model_of

HEADER = "#3f51b5"
GREY = "#78909c"

RULES = {"CASCADE": ("#d32f2f", "bold"), "SET NULL": ("#ef6c00", "dashed"), None: (GREY, "solid")}
"""Colour and style of a line, by ON DELETE rule."""


COLUMN = re.compile(
    r'<td align="left">(?P<type>[\w ]+)</td><td align="left">(?P<name>\w+)</td><td>(?P<keys>[^<]*)</td>'
)
KEYS = {"Primary Key": "PK", "Foreign Key": "FK", "Unique": "U"}


def drawings() -> Iterator[tuple[str, str]]:
    """Names and DOT texts: the whole database, and each generation."""
    yield "whole", _dot(set(METADATA.tables), with_columns=False)
    for key in GENERATIONS:
        yield key, _dot({name for name in METADATA.tables if generation(model_of(name)) == key}, with_columns=True)


def _dot(names: set[str], *, with_columns: bool) -> str:
    """Describe tables with their columns, and the parents that they have in other generations by name only."""
    parents = {key.column.table.name for name in names for key in METADATA.tables[name].foreign_keys} - names
    metadata = MetaData()
    for name in sorted(names | parents):
        METADATA.tables[name].to_metadata(metadata)
    graph = Dot(metadata, column_sort="preserve-order").graph
    for option, value in {"rankdir": "LR", "bgcolor": "transparent", "ranksep": "1.1", "nodesep": "0.18"}.items():
        graph.set(option, value)
    for node in graph.get_nodes():
        _label(node, with_columns=with_columns and node.get_name() in names)
    for edge in graph.get_edges():
        if edge.get_destination() in names:
            _style(edge)
        else:
            graph.del_edge(edge.get_source(), edge.get_destination())
    return str(graph.to_string())


def _label(node: Node, *, with_columns: bool) -> None:
    model = model_of(node.get_name())
    node.set("fontname", "Helvetica")
    node.set("fontsize", "11")
    node.set("width", "0")
    node.set("height", "0")
    node.set("URL", f"reference/{generation(model)}.html#{anchor(model)}")
    node.set("tooltip", model.__name__)
    label = node.get("label")
    label = label.replace('colspan="3" bgcolor="lightblue"', f'colspan="2" bgcolor="{HEADER}"')
    label = re.sub("<b>(.*)</b>", r'<font color="white"><b>\1</b></font>', label)
    label = COLUMN.sub(lambda match: _row(METADATA.tables[node.get_name()], match), label)
    if not with_columns:
        label = re.sub(r"\n *<tr><td align.*</tr>", "", label)
    node.set("label", label.replace('cellpadding="4"', 'cellpadding="3"'))


def _row(table: Table, match: re.Match[str]) -> str:
    """Row of a label: name, and keys or type on PostgreSQL."""
    keys = " ".join(KEYS[key] for key in match["keys"].split(", ") if key)
    keys = keys or column_type(table.columns[match["name"]], "postgresql")
    return f'<td align="left">{match["name"]}</td><td align="right"><font color="{GREY}">{keys}</font></td>'


def _style(edge: Edge) -> None:
    column = METADATA.tables[str(edge.get_destination())].columns[str(edge.get("label"))]
    rule = next(iter(column.foreign_keys)).ondelete
    color, style = RULES[rule]
    # paracelsus takes each of several primary keys for unique.
    edge.set("arrowhead", "none" if column.unique else "crow")
    edge.set("color", color)
    edge.set("style", style)
    edge.set("tooltip", f"{edge.get_destination()}.{column.name}: {rule or 'NO ACTION'}")
    edge.obj_dict["attributes"].pop("label")


def svg(name: str, dot: str) -> str:
    """Draw with Graphviz, in the colours of the page; IDs begin with the name, since a page has several drawings.

    Raises:
        FileNotFoundError: Graphviz is not installed.
    """
    drawn = subprocess.run(["dot", "-Tsvg"], input=dot, capture_output=True, text=True, check=True).stdout
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<!--.*?-->\n?", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r'\bid="', f'id="{name}-', drawn)
    return drawn.replace('stroke="black"', 'stroke="currentColor"')
