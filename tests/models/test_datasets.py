"""Datasets: resources in version 1, images in version 2."""

import pytest
import sqlalchemy as sa
from sqlmodel import Session, select

from fractal_models.models import Resource
from fractal_models.testing.factories import DatasetFactory, DatasetV2Factory, ResourceFactory
from tests.support.databases import saved


def test_paths_are_those_of_the_resources_in_order_of_id(session: Session) -> None:
    dataset = DatasetFactory.build(resource_list=[ResourceFactory.build(path="/b"), ResourceFactory.build(path="/a")])
    assert saved(session, dataset).paths == ["/b", "/a"]
    assert DatasetFactory.build().paths == []


def test_reordering_resources_never_rewrites_their_ids(session: Session) -> None:
    resources = [ResourceFactory.build(path=path) for path in "abc"]
    dataset = DatasetFactory.create(session, resource_list=resources)
    ids = {resource.path: resource.id for resource in dataset.resource_list}

    dataset.resource_list.reverse()
    session.commit()
    dataset.resource_list = [dataset.resource_list[1], dataset.resource_list[2], dataset.resource_list[0]]
    session.commit()
    dataset.resource_list.insert(0, dataset.resource_list.pop())
    session.commit()
    assert {resource.path: resource.id for resource in dataset.resource_list} == ids
    assert dataset.paths == ["a", "b", "c"]


def test_resources_are_deleted_with_their_dataset_or_when_taken_out(session: Session) -> None:
    dataset = DatasetFactory.build(resource_list=[ResourceFactory.build(path=path) for path in "abc"])
    other = DatasetFactory.build(resource_list=[ResourceFactory.build(path="other")])
    session.add_all([dataset, other])
    session.commit()

    dataset.resource_list.pop(1)
    session.commit()
    assert dataset.paths == ["a", "c"]
    dataset.resource_list = dataset.resource_list[1:]
    session.commit()
    assert dataset.paths == ["c"]
    session.delete(dataset)
    session.commit()
    assert session.exec(select(Resource.path)).all() == ["other"]


def test_a_resource_can_be_given_to_its_dataset_by_key(session: Session) -> None:
    dataset = DatasetFactory.create(session)
    ResourceFactory.create(session, path="/a", dataset_id=dataset.id)
    assert dataset.paths == ["/a"]


def test_image_zarr_urls_are_those_of_the_images(session: Session) -> None:
    dataset = DatasetV2Factory.create(session)
    assert dataset.image_zarr_urls == []
    images = [{"zarr_url": "/zarr/b", "types": {"3D": True}}, {"zarr_url": "/zarr/a", "attributes": {"well": "A01"}}]
    dataset.images.extend(images)
    session.commit()
    assert dataset.image_zarr_urls == ["/zarr/b", "/zarr/a"]
    assert dataset.images == images


def test_an_image_without_url_is_an_error_when_asked_for() -> None:
    with pytest.raises(KeyError, match="zarr_url"):
        _ = DatasetV2Factory.build(images=[{}]).image_zarr_urls


def test_tens_of_thousands_of_images_are_normal(session: Session) -> None:
    images = [{"zarr_url": f"/zarr/{n}", "attributes": {"well": "A01"}, "types": {"3D": True}} for n in range(20_000)]
    dataset = DatasetV2Factory.create(session, images=images)
    assert dataset.image_zarr_urls[-1] == "/zarr/19999"
    assert session.scalar(sa.text("SELECT length(CAST(images AS TEXT)) FROM datasetv2")) > 1_000_000
