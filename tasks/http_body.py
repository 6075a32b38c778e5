"""The body of an HTTP answer, read up to a limit, whatever it is packed in.

A few kilobytes can unpack to gigabytes, more so where they are packed twice; so nothing is unpacked beyond the limit,
and nothing that is packed more than once.
"""

import zlib

import httpx

IDENTITY = "identity"
_LARGEST = 32 * 1024 * 1024  # bytes; an answer beyond this is not one of those we ask for
_OF_THE_WAY = {"content-encoding", "content-length", "transfer-encoding"}  # what they say of the body as it was sent
_GZIP, _DEFLATE = {"gzip", "x-gzip"}, {"deflate"}
_EITHER_HEADER = zlib.MAX_WBITS | 32  # gzip or zlib, whichever it begins as


class UnreadableBody(httpx.HTTPError):
    """An answer is packed as nobody asked for, or is not what it says it is packed as."""


async def answer_to(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The whole answer to a request, which is sent as one that wants nothing packed.

    Raises UnreadableBody where it is packed as nobody asked for or beyond what is read, and what httpx raises.
    """
    request.headers["Accept-Encoding"] = IDENTITY
    response = await client.send(request, stream=True)
    try:
        body = await read_body(response, _LARGEST + 1)
    finally:
        await response.aclose()
    if len(body) > _LARGEST:
        raise UnreadableBody(f"the answer is beyond the {_LARGEST} bytes that are read of one")
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _OF_THE_WAY]
    return httpx.Response(response.status_code, headers=headers, content=body, request=request)


async def read_body(response: httpx.Response, largest: int, *, as_sent: bool = False) -> bytes:
    """At most the first `largest` bytes.

    Args:
        response: an answer that is being streamed.
        largest: in bytes, unpacked.
        as_sent: it is not unpacked.

    Raises UnreadableBody, and what httpx raises where the connection breaks.
    """
    if response.is_closed and response.is_stream_consumed:  # a transport without a network hands it over read
        return response.content[:largest]
    said = response.headers.get("Content-Encoding", "")
    packed = [word for part in said.lower().split(",") if (word := part.strip()) not in {"", IDENTITY}]
    if as_sent or not packed:
        return await _plain(response, largest)
    if len(packed) > 1 or packed[0] not in _GZIP | _DEFLATE:
        raise UnreadableBody("the answer is packed in a way that was not asked for")
    return await _unpacked(response, largest)


async def _plain(response: httpx.Response, largest: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk[: largest - len(body)]
        if len(body) >= largest:
            break
    return bytes(body)


async def _unpacked(response: httpx.Response, largest: int) -> bytes:
    body, unpacking = bytearray(), zlib.decompressobj(_EITHER_HEADER)
    try:
        async for chunk in response.aiter_raw():
            body += unpacking.decompress(chunk, max(largest - len(body), 1))
            if len(body) >= largest:
                break
    except zlib.error as e:
        raise UnreadableBody("the answer is not what it says it is packed as") from e
    return bytes(body[:largest])
