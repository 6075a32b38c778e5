"""What a team's own experiments of Chaos Toolkit may be drilled on."""

from typing import Annotated

from pydantic import Field

from tminus.systems.drill_links import OutsideClient
from tminus.systems.section import Section


class ChaosToolkit(Section):
    """What experiments break, as a client from outside sees it.

    Attributes:
        client: who uses it: what this client sees is what is measured.
        command: what runs Chaos Toolkit (https://chaostoolkit.org), with the extensions that the experiments need.
    """

    client: OutsideClient
    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("chaos",)
