"""Who is asking: one-time links, sessions and API tokens. Of each secret only its SHA-256 is kept.

The secrets are 256 random bits, so a plain hash is enough: there is nothing to guess and nothing to slow down.
"""

import hashlib
import secrets
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, and_, exists, insert, select, update

from stanch.model.problem import NotFound, Refused
from stanch.model.record import record
from stanch.store.tables import api_token, login_session, one_time_link, person

LINK_LIFETIME_S = 15 * 60.0
SESSION_LIFETIME_S = 30 * 86400.0
SESSION_IDLE_S = 7 * 86400.0
SEEN_EVERY_S = 60.0
"""How often a use of a session or token is written down: a read of the console is no write to the disk."""

TOKEN_PREFIX = "stanch_"  # noqa: S105 - what secret scanners recognise a token by
_LOGIN = "login"
_LONGEST_NAME = 64


class Role(StrEnum):
    """What a person or a token may do: tell of changes alone; look; respond; look after people, tokens and links.

    A reporter sees nothing, and a viewer tells of nothing: see `gate.REPORTER`.
    """

    REPORTER = "reporter"
    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMINISTRATOR = "administrator"

    def includes(self, other: "Role") -> bool:
        """Whether who has this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


@record
class Caller:
    """Who makes a request. `secret` is the session's, and None for a token: a form is bound to it."""

    person: str
    role: Role
    secret: str | None = None


@record
class Link:
    """A one-time link as found by its secret, still good."""

    person: str
    role: Role
    expires_at: float


@record
class Token:
    """An API token as listed. `digest` identifies it and is no secret."""

    digest: str
    label: str
    person: str
    role: Role
    created_at: float
    seen_at: float | None


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_person(connection: Connection, name: str, role: Role, now: float) -> None:
    """Make the person known, or give a known one this role. Raises Refused for what cannot be a name."""
    if not name or len(name) > _LONGEST_NAME or name != name.strip() or not name.isprintable():
        raise Refused(
            f"{name!r} cannot be a person's name.",
            hint=f"Use up to {_LONGEST_NAME} printable characters without spaces at the ends.",
        )
    known = connection.execute(
        update(person).where(person.c.name == name).values(role=role.value, disabled_at=None)
    ).rowcount
    if not known:
        connection.execute(insert(person).values(name=name, role=role.value, created_at=now))


def declare_person(connection: Connection, name: str, role: Role, now: float) -> None:
    """Make a person of the settings known, with the role they say; one who was shut out stays so. Raises Refused."""
    known = connection.execute(update(person).where(person.c.name == name).values(role=role.value)).rowcount
    if not known:
        add_person(connection, name, role, now)


def may_respond(connection: Connection, name: str) -> bool:
    """Whether the person is known, not shut out, and may do more than look."""
    row = connection.execute(select(person.c.role).where(person.c.name == name, person.c.disabled_at.is_(None))).first()
    return row is not None and Role(row.role).includes(Role.RESPONDER)


def nobody_has_logged_in(connection: Connection) -> bool:
    """Whether this server has never had a session."""
    return not connection.execute(select(exists().where(login_session.c.digest.is_not(None)))).scalar_one()


def write_link(connection: Connection, name: str, now: float, *, lifetime_s: float = LINK_LIFETIME_S) -> str:
    """A one-time secret with which `name` can log in until `lifetime_s` from now. Earlier links of theirs end."""
    if connection.execute(select(person.c.name).where(person.c.name == name)).first() is None:
        raise NotFound(f"Nobody is called {name}.", hint="Give the role to make the person known.")
    connection.execute(
        update(one_time_link)
        .where(one_time_link.c.person == name, one_time_link.c.used_at.is_(None))
        .values(expires_at=now)
    )
    secret = secrets.token_urlsafe(32)
    connection.execute(
        insert(one_time_link).values(
            digest=digest(secret), person=name, purpose=_LOGIN, data={}, created_at=now, expires_at=now + lifetime_s
        )
    )
    return secret


def find_link(connection: Connection, secret: str, now: float) -> Link | None:
    """The link, without using it: mail scanners and previews open links too."""
    row = connection.execute(
        select(one_time_link.c.person, person.c.role, one_time_link.c.expires_at)
        .join(person, person.c.name == one_time_link.c.person)
        .where(_good_link(secret, now))
    ).first()
    return None if row is None else Link(person=row.person, role=Role(row.role), expires_at=row.expires_at)


def use_link(connection: Connection, secret: str, now: float) -> str:
    """Use the link up and begin a session; its secret. Raises Refused if the link is not good, or no more."""
    link = find_link(connection, secret, now)
    used = connection.execute(update(one_time_link).where(_good_link(secret, now)).values(used_at=now)).rowcount
    if link is None or used != 1:
        raise Refused(
            "This link has been used, has expired, or never was one.",
            hint="Run `stanch login` on the machine that runs Stanch for a new one.",
        )
    session = secrets.token_urlsafe(32)
    connection.execute(
        insert(login_session).values(
            digest=digest(session),
            person=link.person,
            created_at=now,
            seen_at=now,
            expires_at=now + SESSION_LIFETIME_S,
        )
    )
    return session


def session_caller(connection: Connection, secret: str, now: float) -> tuple[Caller, bool] | None:
    """Who has this session, and whether it is time to `see_session`; None if it ended, idled out or never was."""
    row = connection.execute(
        select(login_session.c.seen_at, person.c.name, person.c.role)
        .join(person, person.c.name == login_session.c.person)
        .where(
            login_session.c.digest == digest(secret),
            login_session.c.ended_at.is_(None),
            login_session.c.expires_at > now,
            login_session.c.seen_at > now - SESSION_IDLE_S,
            person.c.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    return Caller(person=row.name, role=Role(row.role), secret=secret), now - row.seen_at > SEEN_EVERY_S


def see_session(connection: Connection, secret: str, now: float) -> None:
    """Write down that the session was used."""
    connection.execute(update(login_session).where(login_session.c.digest == digest(secret)).values(seen_at=now))


def end_session(connection: Connection, secret: str, now: float) -> None:
    """Log out."""
    connection.execute(
        update(login_session)
        .where(login_session.c.digest == digest(secret), login_session.c.ended_at.is_(None))
        .values(ended_at=now)
    )


def write_token(connection: Connection, name: str, label: str, role: Role, now: float) -> str:
    """A new token that acts as `name` with `role`, or with the person's own if that is less; shown this once.

    Raises NotFound.
    """
    if connection.execute(select(person.c.name).where(person.c.name == name)).first() is None:
        raise NotFound(f"Nobody is called {name}.", hint="Make them known first: `stanch login NAME --role responder`.")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        insert(api_token).values(
            digest=digest(secret), person=name, label=label.strip(), role=role.value, created_at=now
        )
    )
    return secret


def token_caller(connection: Connection, secret: str, now: float) -> tuple[Caller, bool] | None:
    """Whose token this is, and whether it is time to `see_token`; None if it was revoked or never was one."""
    row = connection.execute(
        select(api_token.c.seen_at, api_token.c.role, person.c.name, person.c.role.label("most"))
        .join(person, person.c.name == api_token.c.person)
        .where(
            api_token.c.digest == digest(secret),
            api_token.c.revoked_at.is_(None),
            (api_token.c.expires_at.is_(None)) | (api_token.c.expires_at > now),
            person.c.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    role, most = Role(row.role), Role(row.most)
    caller = Caller(person=row.name, role=role if most.includes(role) else most)
    return caller, row.seen_at is None or now - row.seen_at > SEEN_EVERY_S


def see_token(connection: Connection, secret: str, now: float) -> None:
    """Write down that the token was used."""
    connection.execute(update(api_token).where(api_token.c.digest == digest(secret)).values(seen_at=now))


def tokens(connection: Connection) -> tuple[Token, ...]:
    """Every token that is good, the newest first."""
    rows = connection.execute(
        select(api_token).where(api_token.c.revoked_at.is_(None)).order_by(api_token.c.created_at.desc())
    )
    return tuple(
        Token(
            digest=row.digest,
            label=row.label,
            person=row.person,
            role=Role(row.role),
            created_at=row.created_at,
            seen_at=row.seen_at,
        )
        for row in rows
    )


def revoke_token(connection: Connection, token_digest: str, now: float) -> str:
    """End a token; its label. Raises NotFound."""
    where = and_(api_token.c.digest == token_digest, api_token.c.revoked_at.is_(None))
    label: str | None = connection.execute(select(api_token.c.label).where(where)).scalar_one_or_none()
    if label is None:
        raise NotFound("There is no such token, or it was revoked before.", hint="Load the page again.")
    connection.execute(update(api_token).where(where).values(revoked_at=now))
    return label


def form_token(secret: str) -> str:
    """What a form must send back to be a form of ours: bound to the session, and no way back to its secret."""
    return hashlib.sha256(b"stanch form\0" + secret.encode()).hexdigest()


def is_form_token(secret: str, sent: str) -> bool:
    """Whether `sent` is the form token of this session, in constant time."""
    return secrets.compare_digest(form_token(secret).encode(), sent.encode())


def _good_link(secret: str, now: float) -> ColumnElement[bool]:
    return and_(
        one_time_link.c.digest == digest(secret),
        one_time_link.c.purpose == _LOGIN,
        one_time_link.c.used_at.is_(None),
        one_time_link.c.expires_at > now,
    )
