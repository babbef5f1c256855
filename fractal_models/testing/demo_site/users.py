"""Users, their accounts at GitHub, and groups of the demo site."""

from collections.abc import Sequence

from fractal_models.models import LinkUserGroup, OAuthAccount, UserGroup, UserOAuth, UserSettings
from fractal_models.testing.demo_site.builder import Builder, new

PASSWORD = "demo"
"""Password of every user."""

HASHED_PASSWORD = "$argon2id$v=19$m=65536,t=3,p=4$0YPuP39QaxYX5XNeoFOxCQ$gATgPDE4c4wmPtkAjTMWsbSCbe4uuyRVgaGT27GtFSY"
"""`PASSWORD` as hashed by fastapi-users."""

LAB_SIZE = 5
"""Users of each group but `All`."""


def build(builder: Builder) -> tuple[Sequence[UserOAuth], UserGroup]:
    """Save users and groups; return all users and the group that all of them are in."""
    users = builder.save([_user(number) for number in range(builder.size)])
    all_users, *labs = builder.save(_groups(builder))
    builder.save(
        [
            new(LinkUserGroup, group_id=group.id, user_id=user.id, timestamp_created=builder.now())
            for number, user in enumerate(users)
            for group in (all_users, labs[number // LAB_SIZE])
        ]
    )
    return users, all_users


def _user(number: int) -> UserOAuth:
    name = f"user{number}" if number else "admin"
    account = new(
        OAuthAccount,
        oauth_name="github",
        account_id=f"{1000 + number}",
        account_email=f"{name}@users.example.org",
        access_token=f"demo-token-{number}",
    )
    return new(
        UserOAuth,
        email=f"{name}@example.org",
        username=name,
        hashed_password=HASHED_PASSWORD,
        is_superuser=number == 0,
        is_verified=True,
        oauth_accounts=[account] if number % 2 == 0 else [],
        settings=new(
            UserSettings,
            slurm_accounts=[f"lab{1 + number // LAB_SIZE}"],
            slurm_user=name,
            cache_dir=f"/cluster/{name}/cache",
            project_dir=f"/cluster/{name}/projects",
        ),
    )


def _groups(builder: Builder) -> list[UserGroup]:
    labs = [f"Lab {1 + lab}" for lab in range(-(-builder.size // LAB_SIZE))]
    return [
        new(
            UserGroup,
            name=name,
            timestamp_created=builder.now(),
            viewer_paths=[] if name == "All" else [f"/data/{name}"],
        )
        for name in ("All", *labs)
    ]
