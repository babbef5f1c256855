"""A demo site: plausible rows in every table, the same ones each time."""

from sqlalchemy.orm import Session

from fractal_models.testing.demo_site import users, v1, v2
from fractal_models.testing.demo_site.builder import EPOCH, Builder
from fractal_models.testing.demo_site.users import HASHED_PASSWORD, PASSWORD

__all__ = ["EPOCH", "HASHED_PASSWORD", "PASSWORD", "seed"]


def seed(session: Session, size: int = 10) -> None:
    """Fill an empty database with a site of `size` users, and commit.

    Each user has a project of either version, with two datasets, a workflow and some jobs. The first user is the
    administrator, admin@example.org; the others are user1@example.org, user2@example.org and so on. All have the
    password `PASSWORD`. The same size always makes the same rows.

    Raises:
        ValueError: `size` is less than 1.
    """
    if size < 1:
        message = f"a demo site has at least 1 user, not {size}"
        raise ValueError(message)
    builder = Builder(session, size)
    members, all_users = users.build(builder)
    tasks = v1.build_tasks(builder)
    tasks_v2 = v2.build_tasks(builder, members[0], all_users)
    for number, user in enumerate(members):
        shared_with = [members[(number + 1) % size]] if number % 3 == 0 and size > 1 else []
        v1.build_project(builder, [user, *shared_with], tasks)
        v2.build_project(builder, [user, *shared_with], tasks_v2)
    session.commit()
