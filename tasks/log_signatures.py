"""What kind of error a log line tells of, without what is particular to one request or one customer."""

import hashlib
import re

# Leftmost first, and of those the first named: what an earlier one takes, a later one does not see.
_PARTICULAR = re.compile(
    r"""
      (?P<kept>   <(?:text|email|token|value|id|n)> )               # replaced before: stays
    | (?P<text>   "[^"]*" | (?<!\w)'[^']*'(?!\w) | `[^`]*` )
    | (?P<token>  (?<!\w)(?: bearer\s+[^\s<]+ | authorization\s*[:=]\s*(?:\w+\s+)?[^\s<]+
                          | eyJ[\w-]*(?:\.[\w-]*)* | (?:[spr]k|gh[a-z]|whsec|xox[a-z]|glpat)[_-][\w-]+ ) )
    | (?P<email>  [^\s@<>,;:"'()=]+@[^\s@<>,;:"'()]+ )
    | (?P<value>  (?<==)[^\s,;&)\]}<]+ )
    | (?P<n>      (?<![\w-])[+-]?\d+(?:[.,:]\d+)*(?:\s?(?:[nuµm]?s|min|[hd]|[kKMGT]?i?B|%))?(?![\w-]) )
    | (?P<word>   [\w-]+ )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LONG = 24  # letters; a longer word is a name made of words, or a key
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PART_LETTERS = (3.5, 20)  # of the words that a name is made of: so many on average at least, at most in one
_HEX = re.compile(r"[a-f]{8,}", re.IGNORECASE)


def signature(text: str) -> str:
    """The text with everything particular replaced: `order <id> for <email> took <n>`.

    Replaced are quoted text, e-mail addresses, credentials, values after `=`, numbers with their units,
    every word with a digit in it (ids, UUIDs, account numbers, hexadecimal), and long random words.
    No digit survives, and a signature is its own signature. Words stay, and a name is a word: so it tells kinds
    of error apart, and only its `fingerprint` is fit to be shown.
    """
    text = " ".join(text.split())
    while (shorter := _PARTICULAR.sub(_replaced, text)) != text:
        text = shorter
    return text


def fingerprint(text: str) -> str:
    """A short name of a signature: the first 12 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _replaced(match: re.Match[str]) -> str:
    kind, found = str(match.lastgroup), match[0]
    if kind == "kept":
        return found
    if kind != "word":
        return f"<{kind}>"
    if any(letter.isnumeric() for letter in found) or _HEX.fullmatch(found):
        return "<id>"
    return "<token>" if len(found) > _LONG and not _is_name(found) else found


def _is_name(word: str) -> bool:
    """Whether a long word is made of words (`ConnectionRefusedByUpstream`) rather than drawn at random."""
    lengths = [len(part) for part in _PART.findall(word)]
    least, most = _PART_LETTERS
    return bool(lengths) and sum(lengths) / len(lengths) >= least and max(lengths) <= most
