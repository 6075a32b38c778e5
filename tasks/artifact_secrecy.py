"""Which values of a foreign document may be secrets: by the names that lead to them, and by what texts hold.

Where it is in doubt, something is one: of evidence that says too little no key has to be changed.
"""

import re
from collections.abc import Iterator

from tasks.journey_steps import secretive

_Span = tuple[int, int]
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")  # of apiKey, API_KEY, api-key and api.key
_SECRET_WORDS = frozenset(
    {
        *("pass", "pwd", "pin", "key", "dsn", "pem", "private", "salt", "seed", "otp", "bearer", "sk", "hmac"),
        *("webhook", "passphrase", "passcode", "mnemonic", "cred", "sig", "signature"),
    }
)
_SECRET_ENDS = ("passwd", "password", "passphrase", "apikey", "accesskey", "privatekey", "secretkey", "signingkey")
_CONNECTION_TEXT = re.compile(r"(?i)conn(ection)?s?[_.-]?(string|str|info|ur[il]|dsn)s?")
_CONNECTION = re.compile(r"(?i)conn(ection)?s?")  # but no connection_timeout, and no connection/pool

_SCHEME = re.compile(r"(?i)[a-z][a-z0-9+.-]{0,30}://")
# A site's address, whose path may have an @; in others there is a user, whose password may have a slash.
_SITE = re.compile(r"(?i)https?://(?:[\w-]{1,63}\.){1,20}[\w-]{1,63}[/?#]")
_USER = re.compile(r"(?!mailto:)[^\s:@]*:\S*@(?!sha\d)")  # user:password@tcp(db)/x; image:tag@sha256:… is none
_WORD = re.compile(r"\S++")

_VALUE = re.compile(
    r"(?s)'(?:[^'\\]|\\.|'')*+'?+[^\s;&,]*+"
    r'|"(?:[^"\\]|\\.|"")*+"?+[^\s;&,]*+'
    r"|[^;&\n]*?(?=(?<!\s)\s++[\w.-]++\s*+=|[;&\n]|$)"  # it may have spaces: to the next assignment
)
_NAMED = re.compile(r"(?<![\w.-])([\w.-]++)[\"']?\s*+(?:=|:(?=[\s\"']))\s*+")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s++[\w.~+/=-]{8,}")
_KNOWN = re.compile(  # what vendors' own keys and webhooks begin with
    r"\b((?:sk|rk)_(?:live|test)_|whsec_|xox[a-z]-|xapp-|gh[a-z]_|github_pat_|glpat-|SG\.|AKIA|ASIA|AIza|eyJ"
    r"|hooks\.slack(?:-gov)?\.com/|discord(?:app)?\.com/api/webhooks/|[\w-]{1,63}\.webhook\.office\.com/)[^\s\"'<>]+"
)


def names_secret(pointer: str) -> bool:
    """Whether a part of a JSON Pointer speaks of a secret; what stands below such a name is one too."""
    parts = pointer.split("/")[1:]
    if any(_secret(part) or _CONNECTION_TEXT.fullmatch(part) for part in parts):
        return True
    while parts and parts[-1].isdecimal():
        parts.pop()
    return bool(parts) and _CONNECTION.fullmatch(parts[-1]) is not None


def _secret(part: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(part)]
    words += [word.removesuffix("s") for word in words]
    whole = "".join(_WORDS.findall(part)).lower().removesuffix("s")
    return secretive(part) or not _SECRET_WORDS.isdisjoint(words) or whole.endswith(_SECRET_ENDS)


def without_credentials(text: str) -> str:
    """A text without what may be a secret in it.

    That is user and password of an address, to the last @ of the word; what is assigned to a secret's name, quoted or
    not; and what begins as a vendor's own keys and webhooks do.
    """
    spans = sorted([*_credentials(text), *_assigned(text)])  # of the text as it came: one may be within the other
    parts: list[str] = []
    done = 0
    for start, end in spans:
        if end > done:
            parts += [text[done:start], "…"] if start >= done else []
            done = end
    return _KNOWN.sub(r"\1…", _BEARER.sub(r"\1 …", "".join([*parts, text[done:]])))


def _assigned(text: str) -> Iterator[_Span]:
    done = 0
    for name in _NAMED.finditer(text):
        if name.start() >= done and (_secret(name[1]) or _CONNECTION_TEXT.fullmatch(name[1])):
            value = _VALUE.match(text, name.end())
            done = name.end() if value is None else value.end()
            if done > name.end():
                yield name.end(), done


def _is_site(text: str, start: int, last: int) -> bool:
    """Whether the @ at `last` stands in a site's path; with a colon before it, it may be a password's end."""
    found = _SITE.match(text, start, last)
    return found is not None and text.find(":", found.end(), last) < 0


def _credentials(text: str) -> Iterator[_Span]:
    for word in _WORD.finditer(text):
        start, last = word.start(), text.rfind("@", *word.span())
        if last < 0:
            continue
        users = (one.end() for one in _SCHEME.finditer(text, start, last) if not _is_site(text, one.start(), last))
        user = next(users, None)
        if user is not None:
            yield user, last
        elif "://" not in word[0] and (found := _USER.match(text, start, word.end())):
            yield start, found.end() - 1
