"""Who typed a command that asks for nobody's key: a user, at a host."""


def typed_by() -> str:
    """`ops at host-1`; the user's number where the system has no name for it."""
    import getpass
    import os
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"user {os.getuid()}"
    return f"{user} at {socket.gethostname()}"
