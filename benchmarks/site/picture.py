"""Plot of time against jobs, with a panel for each path."""

from pathlib import Path
from typing import Any

from benchmarks.core import PICTURE_STYLE

COLUMNS = 4
LINES = {
    "limit": {"color": "#8a8f98", "linestyle": ":", "marker": ".", "label": "same rows by primary key"},
    "before": {"color": "#c0392b", "marker": "o", "label": "schema of 2.9"},
    "after": {"color": "#1f6feb", "marker": "o", "label": "head"},
}


def draw(figures: dict[str, Any], file: Path) -> None:
    """Draw the paths of version 2 and of users; the suffix of the file gives the format."""
    # Imported here because it takes half a second, which --help does not need.
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    sites = figures["sites"]
    names = [path["path"] for path in sites[0]["paths"] if not path["path"].endswith("(v1)")]
    rows = -(-(len(names) + 1) // COLUMNS)
    with mpl.rc_context(PICTURE_STYLE):
        figure, axes = plt.subplots(
            rows, COLUMNS, figsize=(10, 2 * rows), sharex=True, sharey=True, layout="constrained"
        )
        panels = axes.flat
        for name, panel in zip(names, panels, strict=False):
            _draw_panel(panel, name, sites)
        unused = panels[len(names) :]
        for panel in unused:
            panel.axis("off")
        unused[0].legend(*panels[0].get_legend_handles_labels(), loc="center left", frameon=False)
        figure.supxlabel("jobs of each version")
        figure.supylabel("median time in ms")
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
        plt.close(figure)


def _draw_panel(panel: Any, name: str, sites: list[dict[str, Any]]) -> None:
    paths = [next(path for path in site["paths"] if path["path"] == name) for site in sites]
    for figure, style in LINES.items():
        if paths[0][figure] is not None:
            panel.plot([site["jobs"] for site in sites], [path[figure] for path in paths], **style)
    panel.set(xscale="log", yscale="log")
    panel.minorticks_off()
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter("{x:,.9g}")
    panel.set_title(name.removesuffix(" (v2)"), loc="left", fontsize=8)
    panel.grid(which="major", color="#e5e7eb", linewidth=0.6)
