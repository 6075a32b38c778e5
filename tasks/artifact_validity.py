"""Whether an OpenAPI document is valid, by openapi-spec-validator in a process of its own.

Of its own, since it also tries a document's defaults against the document's patterns, and there are patterns that
take for ever.
"""

import asyncio
import json
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue

from tasks.artifact_files import shown
from tasks.bounded_process import run_bounded
from tminus.clock import show_duration
from tminus.errors import CouldNotObserve, NotConfigured

_VALIDATOR = "openapi_spec_validator"
_WITHIN = timedelta(seconds=20)
_NAME = "document.json"
_INVALID = f"{_NAME}: Validation Error: "


async def mistake_in(document: JsonValue, name: str) -> str | None:
    """The first mistake in a document whose references stay within it; None where it is valid.

    Raises NotConfigured where the validator is not installed, CouldNotObserve where it cannot tell, or not in time.
    """
    if find_spec(_VALIDATOR) is None:
        raise NotConfigured(
            "whether an OpenAPI document is valid needs openapi-spec-validator, which is not installed; "
            "pip install 'tminus[openapi]'"
        )
    try:
        text = json.dumps(document)
    except (ValueError, RecursionError) as e:  # Python refuses to write out integers of over 4300 digits
        raise CouldNotObserve(f"{name} holds a number or a depth beyond what is validated") from e
    with TemporaryDirectory(prefix="tminus-openapi-") as scratch:
        await asyncio.to_thread((Path(scratch) / _NAME).write_text, text, "utf-8")
        ended = await run_bounded([sys.executable, "-m", _VALIDATOR, _NAME], _WITHIN, Path(scratch))
    if not ended.in_time:
        raise CouldNotObserve(f"{name} could not be validated within {show_duration(_WITHIN)}")
    said = ended.out.decode(errors="replace")
    if ended.exit and not said.startswith(_INVALID):
        raise CouldNotObserve(f"{name} could not be validated: the validator ends with {ended.exit}")
    return shown(said.removeprefix(_INVALID).partition("\n")[0]) if ended.exit else None
