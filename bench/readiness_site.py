"""A site for bench.readiness: answers JSON after a set time, in a process of its own, at next to no cost.

    python -m bench.readiness_site

Prints its port. `GET /wait/<ms>` answers `{"status": "ok"}` after so many milliseconds; `GET /hang` never does.
`GET /answered` says how many requests were answered so far, of those that wait.
"""

import asyncio

_BODY = b'{"status": "ok", "queue": 3}'
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
_ANSWER = _HEAD % (len(_BODY), _BODY)


class _Count:
    """Of the requests that were answered."""

    answered = 0


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while request := await reader.readuntil(b"\r\n\r\n"):
            path = request.split(b" ", 2)[1]
            if path.startswith(b"/hang"):
                await reader.read()  # until whoever asks gives up
                return
            if path == b"/answered":
                said = b'{"answered": %d}' % _Count.answered
                writer.write(_HEAD % (len(said), said))
                await writer.drain()
                continue
            await asyncio.sleep(float(path.rpartition(b"/")[2]) / 1000)
            _Count.answered += 1
            writer.write(_ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
