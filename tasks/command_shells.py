"""Whether an argv hands a shell a string to run, whatever stands before the shell: env, nice, timeout, sudo."""

from collections.abc import Sequence
from pathlib import PurePath

_SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh"}
_WINDOWS = {"cmd", "powershell", "pwsh"}
_WITH_A_WORD = {"-o", "+o", "-O", "+O", "--rcfile", "--init-file"}  # options whose value is the next word


def shell_string(argv: Sequence[str]) -> str:
    """The words that say so, for a message; "" where there are none."""
    for place, word in enumerate(argv):
        name = PurePath(word).name.lower().removesuffix(".exe")
        rest = argv[place + 1 :]
        if name == "env" and (split := _splitting(rest)):
            return f"{word} {split}"
        option = _of_shell(rest) if name in _SHELLS else _of_windows(rest) if name in _WINDOWS else ""
        if option:
            return f"{word} {option}"
    return ""


def _splitting(rest: Sequence[str]) -> str:
    """`env -S` makes words of a string, as a shell does."""
    for word in rest:
        if not word.startswith("-") and "=" not in word:
            return ""
        if word.startswith("--split-string") or (word.startswith("-") and word[1:2] != "-" and "S" in word):
            return word.partition("=")[0][:16]
    return ""


def _of_shell(rest: Sequence[str]) -> str:
    """The option among those before the first word that is none."""
    skip = False
    for word in rest:
        if skip:
            skip = False
        elif word in {"-", "--"} or word[:1] not in {"-", "+"}:
            return ""
        elif word.startswith(("--command", "--init-command")) or (word[:2] != "--" and "c" in word):
            return word.partition("=")[0]
        else:
            skip = word in _WITH_A_WORD or (word[:2] != "--" and word[-1] in "oO")
    return ""


def _of_windows(rest: Sequence[str]) -> str:
    for word in rest:
        if word[:1] not in {"-", "/"}:
            return ""
        if word[1:2].lower() in {"c", "k", "e"}:
            return word
    return ""
