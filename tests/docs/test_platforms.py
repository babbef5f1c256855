"""The page on platforms: what it shows works, and what it lists is what the code knows."""

import re
from typing import Any

from fractal_models.database.connection.products import UNSUPPORTED
from fractal_models.database.connection.redaction import masked
from tests.support.cluster import CLIENTS, RECONNECTED
from tests.support.databases import ROOT

PAGE = (ROOT / "docs" / "platforms.md").read_text()


def test_engines_are_made_as_shown() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    made: dict[str, Any] = {}

    exec(code, made)

    hosts = "***@HOST1:5432,HOST2:5432/NAME?target_session_attrs="
    for name, wanted in {
        "writing": "read-write",
        "reading": "prefer-standby",
        "reading_async": "prefer-standby",
    }.items():
        assert masked(made[name].url).endswith(hosts + wanted)


def test_products_that_are_refused_are_named() -> None:
    refused = PAGE.partition("## Refused\n")[2].partition("\n## ")[0]

    assert not [product for product in UNSUPPORTED if product not in refused]


def test_load_is_the_one_that_was_tried() -> None:
    failover = " ".join(PAGE.split())

    assert f"With {CLIENTS} clients under load" in failover
    assert f"within {RECONNECTED} seconds of the promotion" in failover
