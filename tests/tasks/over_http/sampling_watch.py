"""A watch with short limits, and a sampler that has seen everything once."""

from tasks.checks.watch import ReleaseWatch
from tasks.estate import Estate
from tasks.old_version import old_version
from tasks.sampler import Sampler

SPEC = {"service": "trading", "for": "2h", "every": "5s", "expect": {"error_rate": "< 0.1 %", "p95": "< 200 ms"}}


def watching(**more: object) -> ReleaseWatch:
    """The watch, with some of its parameters changed."""
    return ReleaseWatch.model_validate({**SPEC, **more})


async def begun(estate: Estate, spec: ReleaseWatch | None = None) -> Sampler:
    """A sampler that has seen everything once."""
    spec = spec or watching()
    sampler = Sampler(estate, spec, spec.limits(), await old_version(estate, spec))
    await sampler.sample()
    return sampler
