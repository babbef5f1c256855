"""Tables of version 1 and of version 2 that play the same part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Version = Literal["v1", "v2"]


@dataclass(frozen=True)
class Generation:
    """Tables of one version."""

    name: Version
    project: str
    link: str
    dataset: str
    workflow: str
    step: str
    task: str
    job: str


GENERATIONS = (
    Generation("v1", "project", "linkuserproject", "dataset", "workflow", "workflowtask", "task", "applyworkflow"),
    Generation("v2", "projectv2", "linkuserprojectv2", "datasetv2", "workflowv2", "workflowtaskv2", "taskv2", "jobv2"),
)
