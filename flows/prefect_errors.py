"""What asking something of Prefect can throw: it does not answer, it refuses, or it answers what is no answer."""

import httpx
from prefect.exceptions import PrefectException

PREFECT_ERRORS = (httpx.HTTPError, PrefectException, OSError, RuntimeError, ValueError, LookupError)
