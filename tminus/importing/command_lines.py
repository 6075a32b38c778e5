"""Code blocks: each command that somebody runs by hand is a line; whole scripts and other languages are not."""

import re

from tminus.importing.blocks import Code
from tminus.importing.place import Place
from tminus.readiness.book import Holds

_SHELL = {"bash", "sh", "shell", "zsh", "console", "terminal", "shell-session", "bashsession"}
_PROMPT = re.compile(r"^(?:\$|>|#(?=\s*\./))\s+")
_SCRIPT = re.compile(
    r"<<|^(?:if|for|while|until|case|function|do|done|fi|esac|then|else|elif)\b|^[\w-]+\s*\(\)|[{}]\s*$|^\}",
    re.MULTILINE,
)
_RUNS = re.compile(r"^(?:\$\s+|\./|\.\./|make\s)")


def take_code(place: Place, code: Code) -> None:
    """Takes each command of a block for a shell as a line."""
    if code.language and code.language not in _SHELL:
        place.note(code.line, f"{code.language[:20]} code", code.text)
        return
    if _SCRIPT.search(code.text):
        place.note(code.line, "a script of several lines; only single commands become lines", code.text)
        return
    commands = _commands(code)
    if not code.language or any(text.startswith("$ ") for _, text in commands):  # what has no prompt is output
        commands = [(line, text) for line, text in commands if _RUNS.match(text)]
    if not commands:
        place.note(code.line, "code without commands", code.text)
    for line, text in commands:
        place.add(line, _PROMPT.sub("", text), Holds.OPERATIONS, literal=True)


def _commands(code: Code) -> list[tuple[int, str]]:
    """Each command with its line; comments are left out, and a backslash at the end goes on with the next line."""
    found: list[tuple[int, str]] = []
    begun, joined = 0, ""
    for number, text in enumerate(code.text.split("\n"), start=code.first):
        stripped = text.strip()
        if not joined and (not stripped or (stripped.startswith("#") and not _PROMPT.match(stripped))):
            continue
        begun = begun or number
        joined = f"{joined} {stripped.removesuffix(chr(92)).strip()}".strip()
        if not stripped.endswith("\\"):
            found.append((begun, joined))
            begun, joined = 0, ""
    return [*found, (begun, joined)] if joined else found
