"""What the chains of a ledger are called where they are not launches."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

_SIGN_OFF = "sign-off-"
OPERATION = "operation-"
"""How the chains of operations begin."""
_BACK = ".back-"
RESTORE = "restore."
"""How the chains of restores of live data begin, and those of taking one back."""
SECRET = "secret."  # noqa: S105 - the beginning of a chain's name
"""How the chains of secrets begin: each holds all rotations of one."""
_ROTATION_ASKED = "rotation."
_LEVER = "drill-lever."
_DRILL_ASKED = "drill-asked."
DRILL = "drill."
"""How the chains of drills begin: each holds all drills of one scenario."""


def sign_offs_of(system: str, release_digest: str) -> str:
    """How the chains of a release's readiness sign-offs begin: the same release, the same beginning."""
    return f"{_SIGN_OFF}{system}-{release_digest.removeprefix('sha256:')[:16]}-"


def sign_off_chain(system: str, digests: Mapping[str, str]) -> str:
    """The chain of a sign-off that was asked with these four documents; with any other it is another chain.

    So a chain has one people.yaml for ever, and nobody who asks with their own stands in the way of the real one.
    """
    others = "".join(digest for name, digest in sorted(digests.items()) if name != "release")
    return f"{sign_offs_of(system, digests['release'])}{sha256(others.encode()).hexdigest()[:12]}"


def is_sign_off(chain: str) -> bool:
    """Whether a chain holds a release's readiness sign-off."""
    return chain.startswith(_SIGN_OFF)


def is_only_answered(chain: str) -> bool:
    """Whether a chain is answered, and neither held, scrubbed nor rolled back: all that are asked for, but launches."""
    return chain.startswith((_SIGN_OFF, RESTORE, _ROTATION_ASKED, _DRILL_ASKED))


def what_is_answered(chain: str) -> str:
    """What people call the change, or the launch, that such a chain is about."""
    names = {RESTORE: "restore", _ROTATION_ASKED: "rotation", _DRILL_ASKED: "drill"}
    return next((name for beginning, name in names.items() if chain.startswith(beginning)), "sign-off")


def restores_of(system: str, environment: str, store: str = "") -> str:
    """How the chains of a system's restores begin, or of one store's."""
    return f"{RESTORE}{system}.{environment}.{store}." if store else f"{RESTORE}{system}.{environment}."


def restore_chain(system: str, environment: str, store: str, begun: datetime) -> str:
    """The chain of one restore; those of one store stand in the order of time."""
    return f"{restores_of(system, environment, store)}{begun:%Y%m%d-%H%M%S-%f}"


def taking_back_chain(restore: str, begun: datetime) -> str:
    """The chain of one restore's being taken back; it stands behind the restore's own."""
    return f"{restore}{_BACK}{begun:%Y%m%d-%H%M%S-%f}"


def taken_back(chain: str) -> str:
    """The restore that a chain takes back; "" where it takes none back."""
    restore, back, _ = chain.rpartition(_BACK)
    return restore if back and chain.startswith(RESTORE) else ""


def is_restore(chain: str) -> bool:
    """Whether a chain holds a restore, or one's being taken back."""
    return chain.startswith(RESTORE)


def readiness_chain(system: str, environment: str) -> str:
    """The chain of a system's readiness in an environment: what people state and accept, and how each sweep ended."""
    return f"readiness.{system}.{environment}"  # a system's name has no point, so no two pairs share a chain


def sweep_chain(system: str, environment: str, begun: datetime) -> str:
    """The chain of one sweep's evidence; sweeps of one system sort by time."""
    return f"sweep.{system}.{environment}.{begun:%Y%m%d-%H%M%S-%f}"


def backups_chain(system: str, environment: str) -> str:
    """The chain of a system's backups in an environment: those taken, and how each verification came out."""
    return f"backups.{system}.{environment}"


def secret_chain(system: str, environment: str, secret: str) -> str:
    """The chain of one secret in an environment: all its rotations, one after another."""
    return f"{SECRET}{system}.{environment}.{secret}"


def rotations_asked(system: str, environment: str, secret: str) -> str:
    """How the chains begin in which people are asked about one secret; they stand in the order of time."""
    return f"{_ROTATION_ASKED}{system}.{environment}.{secret}."


def is_rotation_asked(chain: str) -> bool:
    """Whether a chain holds a question about a rotation."""
    return chain.startswith(_ROTATION_ASKED)


def is_secret(chain: str) -> bool:
    """Whether a chain holds the rotations of a secret."""
    return chain.startswith(SECRET)


def lever_chain(system: str, environment: str) -> str:
    """The chain of the lever that stops all drills of a system in an environment."""
    return f"{_LEVER}{system}.{environment}"


def drill_chain(system: str, environment: str, scenario: str) -> str:
    """The chain of one scenario in an environment: all its drills, one after another."""
    return f"{drills_of(system, environment)}{scenario}"


def drills_of(system: str, environment: str) -> str:
    """How the chains of a system's drills begin."""
    return f"{DRILL}{system}.{environment}."


def systems_with_drills(chains: Iterable[str], environment: str) -> list[str]:
    """The systems of which a drill was ever begun there, or stopped, by name."""
    found = set()
    for chain in chains:
        beginning = next((one for one in (DRILL, _LEVER) if chain.startswith(one)), "")
        system, _, rest = chain.removeprefix(beginning).partition(".")
        place = rest.rpartition(".")[0] if beginning == DRILL else rest
        if beginning and place == environment:
            found.add(system)
    return sorted(found)


def drills_asked(system: str, environment: str, scenario: str) -> str:
    """How the chains begin in which people are asked about one scenario; they stand in the order of time."""
    return f"{_DRILL_ASKED}{system}.{environment}.{scenario}."


def is_drill_asked(chain: str) -> bool:
    """Whether a chain holds a question about a drill."""
    return chain.startswith(_DRILL_ASKED)


def is_drill(chain: str) -> bool:
    """Whether a chain holds the drills of a scenario."""
    return chain.startswith(DRILL)
