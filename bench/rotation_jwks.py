"""Serves public keys from a bucket, as a site before it does, with a stated cache lifetime.

``python -m bench.rotation_jwks PORT ENDPOINT BUCKET SECONDS`` answers GET /KEY with that object's bytes; AWS's
credentials are those of the process's environment.
"""

import asyncio
import sys

import boto3
from botocore.exceptions import ClientError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deployments.rehearsal.stand_in_server import serve


def application(endpoint: str, bucket: str, seconds: int) -> Starlette:
    """What is served."""
    client = boto3.client("s3", endpoint_url=endpoint)

    def read(key: str) -> bytes | None:
        try:
            return client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError:
            return None

    async def answer(request: Request) -> Response:
        found = await asyncio.to_thread(read, request.path_params["key"])
        if found is None:
            return Response(status_code=404)
        headers = {"Cache-Control": f"public, max-age={seconds}"}
        return Response(found, media_type="application/json", headers=headers)

    return Starlette(routes=[Route("/{key:path}", answer)])


if __name__ == "__main__":
    port, endpoint, bucket, seconds = sys.argv[1:]
    serve(application(endpoint, bucket, int(seconds)), int(port))
