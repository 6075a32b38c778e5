"""What the fake of a CockroachDB knows of roles: logins with verifiers of their passwords, members, and sessions.

Sources: https://www.cockroachlabs.com/docs/v24.3/create-role, alter-role, grant, show-roles, show-sessions,
cancel-session, and security-reference/scram-authentication.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from deployments.rehearsal.vendors.cockroach_wire import Answer, Session, SqlError

_NAME = r'"(?P<name>[\w-]+)"'
_FORMS = {
    "create": rf"CREATE ROLE {_NAME} WITH NOLOGIN",
    "grant": rf'GRANT "(?P<owner>[\w-]+)" TO {_NAME}',
    "alter": rf"ALTER ROLE {_NAME} WITH (?P<login>LOGIN|NOLOGIN)(?: PASSWORD (?P<verifier>NULL|'[^']+'))?",
    "cancel": r"CANCEL SESSION IF EXISTS '(?P<session>\w+)'",
    "owned": r"SELECT tableowner AS role, schemaname \|\| '\.' \|\| tablename AS what FROM pg_catalog\.pg_tables "
    r"WHERE tableowner IN \((?P<logins>.+)\)",
    "granted": r"SELECT grantee AS role, privilege_type \|\| ' on ' \|\| table_schema \|\| '\.' \|\| table_name "
    r"AS what FROM information_schema\.table_privileges WHERE grantee IN \((?P<logins>.+)\)",
    "defaults": r"SELECT r\.rolname AS role, unnest\(s\.setconfig\) AS what FROM pg_catalog\.pg_db_role_setting AS s "
    r"JOIN pg_catalog\.pg_roles AS r ON r\.oid = s\.setrole WHERE r\.rolname IN \((?P<logins>.+)\)",
    "patience": r"SELECT set_config\('lock_timeout', '\w+', false\), set_config\('statement_timeout', '\w+', false\)",
    "who": r"SELECT current_user, array\(SELECT rolname FROM pg_roles WHERE rolname IN \(current_user, session_user\) "
    r"AND \(rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls\) ORDER BY 1\)",
}
_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)")


@dataclass
class Role:
    """A role; `verifier` is that of its password, "" where it has none."""

    can_login: bool = False
    verifier: str = field(default="", repr=False)
    member_of: set[str] = field(default_factory=set)


@dataclass
class LiveSession:
    """A session, as the cluster shows it."""

    user: str
    application: str = "batch"
    status: str = "IDLE"


@dataclass
class RoleState:
    """Who may log in; a user that is no role here needs no password.

    Attributes:
        sessions: by the cluster's name for each.
        owned, granted, defaults: what somebody has: (role, what).
        dies: sessions that are told to end do.
    """

    roles: dict[str, Role] = field(default_factory=dict)
    sessions: dict[str, LiveSession] = field(default_factory=dict)
    owned: list[tuple[str, str]] = field(default_factory=list)
    granted: list[tuple[str, str]] = field(default_factory=list)
    defaults: list[tuple[str, str]] = field(default_factory=list)
    dies: bool = True

    def door(self, user: str) -> Callable[[str], bool] | None:
        """As whom one may log in, and by which password."""
        role = self.roles.get(user)
        if role is None:
            return None
        if not role.can_login:
            raise SqlError("28000", f"{user} does not have login privilege")
        return lambda password: _fits(role.verifier, password)

    def role_rows(self) -> list[dict[str, object]]:
        """SHOW ROLES, its lists as texts."""
        return [
            {
                "username": name,
                "options": "{}" if role.can_login else "{NOLOGIN}",
                "member_of": f"{{{','.join(sorted(role.member_of))}}}",
            }
            for name, role in self.roles.items()
        ]

    def session_rows(self) -> list[dict[str, object]]:
        """SHOW CLUSTER SESSIONS."""
        return [
            {
                "session_id": name,
                "user_name": one.user,
                "client_address": "10.0.0.7:50321",
                "application_name": one.application,
                "session_start": datetime(2026, 11, 20, 11, 30, tzinfo=UTC),
                "status": one.status,
            }
            for name, one in self.sessions.items()
        ]


Form = Callable[[re.Match[str], Session], Answer]


def role_forms(state: RoleState) -> Mapping[re.Pattern[str], Form]:
    """Statement → what it gives."""
    known = _Roles(state)
    return {re.compile(form, re.IGNORECASE): getattr(known, name) for name, form in _FORMS.items()}


class _Roles:
    """Each form's answer; whatever changes something does so only when it is run, and not when it is described."""

    def __init__(self, state: RoleState) -> None:
        self._state = state

    def create(self, match: re.Match[str], _: Session) -> Answer:
        if match["name"] in self._state.roles:
            raise SqlError("42710", f"a role/user named {match['name']} already exists")
        return Answer("CREATE ROLE", effect=lambda _: self._state.roles.update({match["name"]: Role()}))

    def grant(self, match: re.Match[str], _: Session) -> Answer:
        role, _owner = self._role(match["name"]), self._role(match["owner"])
        return Answer("GRANT", effect=lambda _: role.member_of.add(match["owner"]))

    def alter(self, match: re.Match[str], _: Session) -> Answer:
        role = self._role(match["name"])

        def effect(_: Session) -> None:
            role.can_login = match["login"].upper() == "LOGIN"
            if match["verifier"]:
                role.verifier = "" if match["verifier"] == "NULL" else match["verifier"][1:-1]

        return Answer("ALTER ROLE", effect=effect)

    def cancel(self, match: re.Match[str], _: Session) -> Answer:
        def effect(_: Session) -> None:
            if self._state.dies:
                self._state.sessions.pop(match["session"], None)

        return Answer("CANCEL SESSIONS", effect=effect)

    def owned(self, match: re.Match[str], _: Session) -> Answer:
        return _had(match, self._state.owned)

    def granted(self, match: re.Match[str], _: Session) -> Answer:
        return _had(match, self._state.granted)

    def defaults(self, match: re.Match[str], _: Session) -> Answer:
        return _had(match, self._state.defaults)

    def patience(self, _: re.Match[str], __: Session) -> Answer:
        return Answer("SELECT", (("set_config", "TEXT"), ("set_config", "TEXT")), [["3s", "30s"]])

    def who(self, _: re.Match[str], session: Session) -> Answer:
        return Answer("SELECT", (("current_user", "TEXT"), ("array", "TEXT[]")), [[session.user, "{}"]])

    def _role(self, name: str) -> Role:
        if name not in self._state.roles:
            raise SqlError("42704", f"role/user {name} does not exist")
        return self._state.roles[name]


def _had(match: re.Match[str], found: list[tuple[str, str]]) -> Answer:
    logins = re.findall(r"'([^']+)'", match["logins"])
    return Answer("SELECT", (("role", "TEXT"), ("what", "TEXT")), [one for one in found if one[0] in logins])


def _fits(verifier: str, password: str) -> bool:
    """Whether a SCRAM-SHA-256 verifier is a password's. Source: RFC 5802, section 3."""
    known = _VERIFIER.fullmatch(verifier)
    if known is None:
        return False
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(known[2]), int(known[1]))
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return hmac.compare_digest(stored, base64.b64decode(known[3]))
