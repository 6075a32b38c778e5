"""Handing a launch to Prefect from the command line."""

import os

from tminus.errors import UsageError

_DEPLOYMENTS = ("launch/launch", "phase/phase")


def point_at(api: str) -> None:
    """Makes Prefect's client talk to the environment's server; before anything of Prefect is imported."""
    os.environ["PREFECT_API_URL"] = api


async def refuse_unready(api: str) -> None:
    """Raises UsageError where Prefect does not answer, something else does, or it does not know the deployments.

    Nothing was created yet.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    async with get_client() as client:
        try:
            for name in _DEPLOYMENTS:
                await client.read_deployment_by_name(name)
        except httpx.HTTPError as e:
            raise UsageError(
                f"Prefect at {api} does not answer ({type(e).__name__}); start it, or mend prefect.api"
            ) from e
        except ObjectNotFound as e:
            raise UsageError(f"Prefect at {api} has no deployment {name}; `prefect deploy --all` makes it") from e
        except (ValueError, RuntimeError) as e:  # no JSON, JSON of something else, or nested without an end
            raise UsageError(
                f"what answers at {api} is no API of Prefect's ({type(e).__name__}); does prefect.api end in /api?"
            ) from e
