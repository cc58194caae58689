"""Who works in the demo: the association's staff, and four people at every institution."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.hashers import make_password

from consortium.institutions.models import Institution
from consortium.people.models import Person
from consortium.people.roles import Role

ASSOCIATION_DOMAIN = "association.example"


@dataclass(frozen=True)
class Post:
    """A place of work: the address before the @, who sits there, what they may do, the language of their pages."""

    address: str
    name: str
    roles: tuple[Role, ...]
    language: str = "en"


# The preparer of a release, the two who approve it and the one of them who publishes it are three people.
PREPARER, REVIEWER, PUBLISHER = (
    Post("ada", "Ada Lindqvist", (Role.STATISTICIAN,)),
    Post("bela", "Béla Kovács", (Role.STATISTICIAN,)),
    Post("chen", "陈思远", (Role.STATISTICIAN,), "zh-hans"),
)
COLLECTION_MANAGER = Post("lin", "林晓雯", (Role.COLLECTION_MANAGER,), "zh-hans")
MEMBER_SERVICES = Post("mara", "Mara Okafor", (Role.MEMBER_SERVICES,))
ASSOCIATION = (
    PREPARER,
    REVIEWER,
    PUBLISHER,
    COLLECTION_MANAGER,
    MEMBER_SERVICES,
    Post("sun", "孙立群", (Role.SECRETARIAT,), "zh-hans"),
    Post("petra", "Petra Novák", (Role.POLICY_EDITOR,)),
    Post("audit", "Ruth Adeyemi", (Role.AUDITOR,)),
    Post("observer", "观察员 · 高敏", (Role.OBSERVER,), "zh-hans"),
)
ADMINISTRATOR, SUBMITTER, ANALYST, APPROVER = "admin", "data", "risk", "compliance"
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢"
_GIVEN = {ADMINISTRATOR: "建国", SUBMITTER: "晓峰", ANALYST: "思敏", APPROVER: "雅文"}
_ROLES = {
    ADMINISTRATOR: Role.ADMINISTRATOR,
    SUBMITTER: Role.SUBMITTER,
    ANALYST: Role.ANALYST,
    APPROVER: Role.APPROVER,
}


def password(directory: Path) -> str:
    """The one password of everybody in this demo, made on first use."""
    file = directory / "password"
    if not file.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(f"concord-{secrets.token_hex(4)}")
        file.chmod(0o600)
    return file.read_text()


def hire_association(secret: str) -> None:
    hashed = make_password(secret)
    Person.objects.bulk_create(
        [
            Person(
                email=address_at_association(post),
                name=post.name,
                roles=list(post.roles),
                language=post.language,
                password=hashed,
            )
            for post in ASSOCIATION
        ],
        ignore_conflicts=True,
    )


def hire_members(institutions: list[Institution], secret: str) -> None:
    """Four people each, every second institution in Chinese. One hash for all: making 96 takes half a minute."""
    hashed = make_password(secret)
    Person.objects.bulk_create(
        [
            Person(
                email=address_at(institution, post),
                name=_SURNAMES[(place + offset * 7) % len(_SURNAMES)] + _GIVEN[post],
                institution=institution,
                roles=[role],
                language="zh-hans" if place % 2 else "en",
                password=hashed,
            )
            for place, institution in enumerate(institutions)
            for offset, (post, role) in enumerate(_ROLES.items())
        ],
        ignore_conflicts=True,
    )


def at_association(post: Post) -> Person:
    return Person.objects.get(email=address_at_association(post))


def at(institution: Institution, post: str) -> Person:
    return Person.objects.select_related("institution").get(email=address_at(institution, post))


def address_at_association(post: Post) -> str:
    return f"{post.address}@{ASSOCIATION_DOMAIN}"


def address_at(institution: Institution, post: str) -> str:
    return f"{post}@{institution.code.lower()}.example"
