"""Jobs of both versions: copies of their inputs, kept after deletions."""

import json
from datetime import timedelta

from sqlmodel import Session

from fractal_models.models import JobStatusTypeV1
from fractal_models.schemas.v2 import JobStatusTypeV2
from fractal_models.testing.factories import (
    ApplyWorkflowFactory,
    DatasetFactory,
    DatasetV2Factory,
    JobV2Factory,
    WorkflowFactory,
    WorkflowV2Factory,
)
from fractal_models.utils import get_timestamp
from tests.support.databases import saved


def test_a_job_keeps_copies_of_what_it_ran_on(session: Session) -> None:
    dataset = DatasetFactory.create(session, meta={"b": 1, "a": 2})
    session.refresh(dataset)
    dump = json.loads(dataset.model_dump_json())
    job = saved(session, ApplyWorkflowFactory.build(input_dataset_id=dataset.id, input_dataset_dump=dump))
    dataset.meta["c"] = 3
    session.commit()
    assert job.input_dataset_dump == dump
    assert list(job.input_dataset_dump["meta"]) == ["b", "a"]


def test_a_job_runs_to_its_end(session: Session) -> None:
    job = saved(session, ApplyWorkflowFactory.build(status=JobStatusTypeV1.SUBMITTED, end_timestamp=None))
    assert job.status == JobStatusTypeV1.SUBMITTED
    job.status = JobStatusTypeV1.DONE
    job.end_timestamp = get_timestamp() + timedelta(hours=1)
    session.commit()
    assert job.status == JobStatusTypeV1.DONE
    assert job.end_timestamp > job.start_timestamp


def test_a_job_of_version_2_runs_to_its_end(session: Session) -> None:
    job = saved(session, JobV2Factory.build(status=JobStatusTypeV2.SUBMITTED, end_timestamp=None))
    assert job.status == JobStatusTypeV2.SUBMITTED
    job.status = JobStatusTypeV2.FAILED
    job.log = "Traceback …"
    session.commit()
    assert (job.status, job.log) == (JobStatusTypeV2.FAILED, "Traceback …")


def test_a_job_outlives_what_it_ran_on(session: Session) -> None:
    dataset = DatasetFactory.create(session)
    workflow = WorkflowFactory.create(session, project=dataset.project)
    keys = {"project_id": dataset.project_id, "workflow_id": workflow.id}
    keys |= {"input_dataset_id": dataset.id, "output_dataset_id": dataset.id}
    job = saved(session, ApplyWorkflowFactory.build(**keys))
    for name in keys:
        setattr(job, name, None)
    session.flush()
    session.delete(workflow)
    session.delete(dataset)
    session.flush()
    session.delete(dataset.project)
    session.commit()
    assert {name: getattr(job, name) for name in keys} == dict.fromkeys(keys)


def test_a_job_of_version_2_outlives_what_it_ran_on(session: Session) -> None:
    dataset = DatasetV2Factory.create(session)
    workflow = WorkflowV2Factory.create(session, project=dataset.project)
    keys = {"project_id": dataset.project_id, "workflow_id": workflow.id, "dataset_id": dataset.id}
    job = saved(session, JobV2Factory.build(**keys))
    for name in keys:
        setattr(job, name, None)
    session.flush()
    session.delete(workflow)
    session.delete(dataset)
    session.flush()
    session.delete(dataset.project)
    session.commit()
    assert {name: getattr(job, name) for name in keys} == dict.fromkeys(keys)
