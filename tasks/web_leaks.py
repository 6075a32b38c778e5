"""What an answer must not show: where its program broke, its database's words, a file, an attack's own markup."""

import re
from urllib.parse import parse_qsl, unquote

from tasks.json_texts import texts_in
from tasks.web_request import Reply, Wanted

_READ = 256 * 1024  # bytes of an answer that are searched
_MARKUP = re.compile(r"<\s*[a-zA-Z!/]")

# What common runtimes and databases print when they fail, as their own documentation shows it.
_SIGNS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    (
        "a stack trace",
        re.compile(
            rb"Traceback \(most recent call last\)"  # Python
            rb"|File \"[^\"\n]{1,300}\", line \d+"
            rb"|\bat [\w.$<>]{1,200}\([\w.]{1,100}\.(?:java|kt|scala):\d+\)"  # the JVM
            rb"|\bat [^\n]{1,200}\.[cm]?[jt]s:\d+:\d+"  # Node.js
            rb"|\bgoroutine \d+ \["  # Go
            rb"|thread '[^'\n]{1,100}' (?:\(\d+\) )?panicked at"  # Rust
            rb"|\.rb:\d+:in [`']"  # Ruby
            rb"|<b>(?:Fatal error|Warning|Parse error)</b>:"  # PHP
            rb"|\bat [\w.]{1,200}\([^)\n]{0,200}\) in [^\n]{1,200}\.cs:line \d+"  # .NET
        ),
    ),
    (
        "a database's error",
        re.compile(
            rb"(?i)SQLSTATE[\[ :=]|syntax error at or near|unterminated quoted string"  # PostgreSQL, CockroachDB
            rb"|you have an error in your sql syntax"  # MySQL
            rb"|\bORA-\d{5}\b"  # Oracle
            rb"|sqlite3?\.OperationalError|unrecognized token: \""  # SQLite
            rb"|unclosed quotation mark after"  # SQL Server
            rb"|psycopg[23]?\.(?:errors|Error|OperationalError|ProgrammingError)"
            rb"|sqlalchemy\.exc\.|PG::[A-Z]\w+Error|org\.postgresql\.util\.PSQLException"
        ),
    ),
    (
        "a file's content",
        re.compile(
            rb"(?m)^root:[^:\n]{0,200}:0:0:"  # /etc/passwd
            rb"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
            rb"|; for 16-bit app support"  # win.ini
            rb"|\bPATH=[^\n\0]{1,500}\0"  # /proc/self/environ
        ),
    ),
)


def leaks(wanted: Wanted, reply: Reply) -> tuple[str, ...]:
    """What of these an answer shows, in words; never the thing itself."""
    body = reply.body[:_READ]
    found = [what for what, sign in _SIGNS if sign.search(body)]
    if _may_be_markup(reply) and any(payload.encode() in body for payload in payloads(wanted)):
        found.append("the request's markup, unescaped")
    return tuple(found)


def payloads(wanted: Wanted) -> frozenset[str]:
    """The texts in a request that would be markup, were they shown as they are."""
    path, _, query = wanted.path.partition("?")
    texts = [unquote(part) for part in path.split("/")]
    texts += [value for pair in parse_qsl(query, keep_blank_values=True) for value in pair]
    texts += [*texts_in(wanted.document, names=True), *wanted.headers.values()]
    if isinstance(wanted.content, bytes):
        body = wanted.content.decode(errors="replace")
        texts += [body, *(value for pair in parse_qsl(body) for value in pair)]
    return frozenset(text for text in texts if _MARKUP.search(text))


def _may_be_markup(reply: Reply) -> bool:
    """Whether a browser would show it as a page: it says so, or says nothing."""
    said = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return said in {"", "text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml"}
