"""The power switch of kafka_brokers' brokers: `kafka_switch PORT probe|kill|start NUMBER`.

Exit status: 0 done, or it runs · 1 it failed · 3 it does not run (probe).
"""

import http
import http.client
import sys
from collections.abc import Sequence

_FAILED, _DOWN = 1, 3
_WITHIN = 5.0  # seconds


def main(arguments: Sequence[str]) -> int:
    """One deed; returns the exit status."""
    port, deed, number = arguments
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=_WITHIN)
    try:
        connection.request("GET", f"/{deed}/{number}")
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        return _FAILED
    return _DOWN if said == b"off" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
