"""What breaks the lines of TradeSense's chapter on tools: a tminus without the command, or in which it does nothing."""

from collections.abc import Mapping

from bench.proofs.proof import Fault

_COMMANDS = {
    "deployment": ("deploy", "validate-deployment", "monitor"),
    "backup-recovery": ("backup", "restore", "emergency"),
    "security": ("rotate", "audit", "scan"),
}

BROKEN: Mapping[str, tuple[Fault, ...]] = {
    f"tradesense/tools-scripts/{section}/{number}": (
        ("commands", "tminus_refuses", command),
        ("commands", "tminus_does_not_know", command),
    )
    for section, commands in _COMMANDS.items()
    for number, command in enumerate(commands, start=1)
}
