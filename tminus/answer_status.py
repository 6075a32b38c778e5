"""What the status of an answer says of the letter that it answers."""

from http import HTTPStatus

_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def refuses(status: int) -> bool:
    """Whether it was this letter that was not taken; whoever is busy or unwell would have taken no other either.

    A letter that was not taken though the status is one of success was refused, too: by something in between.
    https://www.rfc-editor.org/rfc/rfc9110#section-15
    """
    return HTTPStatus.OK <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _BUSY
