"""What stands in a document in place of what somebody has yet to write."""

import re
from collections.abc import Iterable

from tasks.artifact_files import shown

# What square brackets hold where something is to be filled in; a capital must stand there too. Other words in
# brackets may be meant: [ERROR] in a log line, [RFC 6901], [SEV1].
_BLANKS = (
    r"name|date|time|phone|number|e-?mail|address|url|link|team|role|manager|owner|contact|person|who|title|company|"
    r"organi[sz]ation|department|service|system|account|sid|plan|tier|contract|version|ticket|amount|value|reason|"
    r"description|signature|approver|reviewer|author|progress|approved|draft|pending|your|insert|enter|fill|placeholder"
)
_CHOICE = r"\[[A-Z][A-Z ]{0,40}(?: / [A-Z][A-Z ]{0,40}){1,8}\]"  # [READY / NOT READY]
_BRACKETS = re.compile(
    rf"(?<!\w)\[(?=[^\[\]]{{0,80}}[A-Z])(?=[^\[\]]{{0,80}}\b(?i:{_BLANKS})\b)[^\[\]\n]{{1,80}}\]|{_CHOICE}"
)
_FORMS = (
    r"\[\s*(?:\.\.\.|…|_+|\?+)\s*\]",
    r"\[(?:your|insert|enter|fill in)\b[^\[\]\n]{0,60}\]",
    r"\[(?:phone|e-?mail|contact|account|customer|company)[ -](?:number|address|name|id)\]",
    r"\bcoming soon\b",
    r"<(?:your|insert|enter|name|date|phone|e-?mail)\b[^<>\n]{0,40}>",
    r"\bT[O]DO\b",
    r"\bF[I]XME\b",
    r"\bTB[DCA]\b",
    r"\bto be (?:determined|decided|defined|confirmed|written|announced)\b",
    r"\$\((?:date|whoami|hostname|git)\b[^)\n]{0,80}\)",
    r"\{\{[^{}\n]{1,80}\}\}",
    r"\blorem ipsum\b",
    r"\bYYYY-MM-DD\b",
    r"\bchange-?me\b",
    r"(?<!\w)_{4,20}(?!\w)",
)
_OTHERS = re.compile("|".join(f"(?:{form})" for form in _FORMS), re.IGNORECASE)


# What such a paragraph comes to, without the signs around it. That there is none is said by "None.", and is no blank.
_NOTHING = re.compile(r"(?:n\s*+/\s*+a|to follow|later|soon)?", re.IGNORECASE)
_SIGNS = re.compile(r"\A\W++|(?<!\W)\W++\Z")


def says_nothing(text: str) -> bool:
    """Whether a whole paragraph, or a block of code, holds no more than placeholders and words such as `n/a`."""
    for pattern in (_BRACKETS, _OTHERS):
        text = pattern.sub(" ", text)
    return _NOTHING.fullmatch(_SIGNS.sub("", text)) is not None


def placeholders(texts: Iterable[str]) -> list[str]:
    """Each placeholder in plain texts, as it stands there."""
    return [
        shown(match.group()) for text in texts for pattern in (_BRACKETS, _OTHERS) for match in pattern.finditer(text)
    ]
