"""Plot of time against jobs, with a panel for each path."""

from pathlib import Path
from typing import Any

BEFORE, AFTER, LIMIT = "#c0392b", "#1f6feb", "#8a8f98"


def draw(figures: dict[str, Any], file: Path) -> None:
    """Draw the paths of version 2 and of users; the suffix of the file gives the format."""
    # Imported here because it takes half a second, which --help does not need.
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    sites = figures["sites"]
    sizes = [site["jobs"] for site in sites]
    names = [path["path"] for path in sites[0]["paths"] if not path["path"].endswith("(v1)")]
    columns = 4
    rows = -(-(len(names) + 1) // columns)
    style: Any = {
        "svg.hashsalt": "fractal-models",
        "svg.fonttype": "none",
        "font.size": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style):
        figure, axes = plt.subplots(
            rows, columns, figsize=(10, 2 * rows), sharex=True, sharey=True, layout="constrained"
        )
        panels = axes.flat
        for name, panel in zip(names, panels, strict=False):
            path = [next(each for each in site["paths"] if each["path"] == name) for site in sites]
            if path[0]["limit"]:
                limits = [each["limit"] for each in path]
                panel.plot(sizes, limits, color=LIMIT, linestyle=":", marker=".", label="same rows by primary key")
            panel.plot(sizes, [each["before"] for each in path], color=BEFORE, marker="o", label="schema of 2.9")
            panel.plot(sizes, [each["after"] for each in path], color=AFTER, marker="o", label="head")
            panel.set(xscale="log", yscale="log")
            panel.minorticks_off()
            for axis in (panel.xaxis, panel.yaxis):
                axis.set_major_formatter("{x:,.9g}")
            panel.set_title(name.removesuffix(" (v2)"), loc="left", fontsize=8)
            panel.grid(which="major", color="#e5e7eb", linewidth=0.6)
        lines = panels[0].get_legend_handles_labels()
        unused = panels[len(names) :]
        for panel in unused:
            panel.axis("off")
        unused[0].legend(*lines, loc="center left", frameon=False)
        figure.supxlabel("jobs of each version")
        figure.supylabel("median time in ms")
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
        plt.close(figure)
