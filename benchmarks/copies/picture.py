"""Bars of the times of copies, beside those of bare loops."""

from pathlib import Path

from benchmarks.core import PICTURE_STYLE, Row

COLORS = {"bare": "#8a8f98", "copy": "#1f6feb", "verify": "#7fb2f5"}
LABELS = {"bare": "bare loop", "copy": "copy, with digest", "verify": "verification"}


def draw(rows: list[Row], file: Path) -> None:
    """Draw the largest database; the suffix of the file gives the format."""
    # Imported here because it takes half a second, which --help does not need.
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Patch

    largest = max(row["rows"] for row in rows)
    shown = [row for row in rows if row["rows"] == largest][::-1]
    with mpl.rc_context(PICTURE_STYLE):
        figure, axis = plt.subplots(figsize=(7, 2.2), layout="constrained")
        for position, row in enumerate(shown):
            axis.barh(position + 0.2, row["bare_seconds"], height=0.36, color=COLORS["bare"])
            axis.barh(position - 0.2, row["copy_seconds"], height=0.36, color=COLORS["copy"])
            left = row["copy_seconds"]
            axis.barh(position - 0.2, row["verify_seconds"], height=0.36, left=left, color=COLORS["verify"])
            axis.text(left + row["verify_seconds"], position - 0.2, f" {row['memory_mb']:.0f} MB", va="center")
        axis.set_yticks(range(len(shown)), [row["direction"] for row in shown])
        axis.set_xlabel(f"seconds for {largest:,} jobs; peak memory of the process")
        handles = [Patch(color=COLORS[name]) for name in LABELS]
        figure.legend(handles, LABELS.values(), loc="outside upper center", ncols=3, frameon=False)
        figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else None)
        plt.close(figure)
