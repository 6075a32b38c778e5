"""Clients of AWS: what is untyped in botocore begins and ends here.

Every answer is read into a small model, every refusal and every silence becomes a sentence. All of it blocks: call it
from a thread.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic.alias_generators import to_camel, to_pascal
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from tasks.aws_errors import misread, permission, refused, silent, worth_another_try
from tasks.estate import CONNECT_WITHIN, Estate
from tminus.clock import now
from tminus.credentials import SecretRef, resolve
from tminus.errors import CouldNotObserve, NotConfigured
from tminus.systems.stores import Bucket

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.loaders import Loader

_T = TypeVar("_T", bound=BaseModel)
_READ_WITHIN = 20.0  # seconds
_TRIES = 4
_PAUSE = wait_random_exponential(multiplier=0.2, max=2)  # seconds, between two tries
_MOST_PAGES = 1000  # a listing longer than this is not one that a checklist asks for
_AHEAD = timedelta(minutes=15)  # AWS refuses requests of clocks that are further off than this

PASCAL, CAMEL = ("NextToken", "NextToken"), ("nextToken", "nextToken")
"""What most services call the token of the next page."""
MARKER, NEXT_MARKER = ("Marker", "Marker"), ("NextMarker", "Marker")
CONTINUATION = ("NextContinuationToken", "ContinuationToken")


Parameter = JsonValue | bytes | datetime
"""What a call is given: botocore takes bytes and times as they are."""


class Answer(BaseModel):
    """What models of answers begin with: AWS's names are `InThisForm`, and what is not asked for is ignored."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", strict=True, alias_generator=to_pascal, hide_input_in_errors=True
    )


class CamelAnswer(BaseModel):
    """The same, of the services whose names are `inThisForm`."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )


class AwsService:
    """One service of AWS, at one place.

    Args:
        client: botocore's, which does not try again by itself.
        where: what it is called in evidence and errors (`rds in eu-central-1`).
    """

    def __init__(self, client: "BaseClient", where: str) -> None:
        self._client = client
        self.where = where

    def read(self, model: type[_T], operation: str, **parameters: Parameter) -> _T:
        """One call, by AWS's name for it (`DescribeSecret`).

        Raises NotThere where AWS says that there is no such thing; CouldNotObserve where it does not answer, refuses,
        or answers with something else.
        """
        return self._parsed(model, operation, self._answer(operation, parameters))

    def order(self, model: type[_T], operation: str, **parameters: Parameter) -> _T:
        """The same for a call that changes something: made once, and never again, whatever comes of it."""
        return self._parsed(model, operation, self._answer(operation, parameters, tries=1))

    def pages(
        self, model: type[_T], operation: str, tokens: tuple[str, str] = PASCAL, **parameters: Parameter
    ) -> Iterator[_T]:
        """Every page of a listing; raises as `read` does.

        Args:
            model: what a page is read into.
            operation: AWS's name for the call.
            tokens: what the next page's token is called where it is given, and where it is sent.
            parameters: of the call.
        """
        given, sent = tokens
        asked, seen = dict(parameters), set[str]()
        while len(seen) < _MOST_PAGES:
            answer = self._answer(operation, asked)
            yield self._parsed(model, operation, answer)
            token = answer.get(given) if isinstance(answer, Mapping) else None
            if not token:
                return
            if not isinstance(token, str) or token in seen:
                raise CouldNotObserve(f"{self.where}: {self._needs(operation)} hands out the same page again")
            seen.add(token)
            asked[sent] = token
        raise CouldNotObserve(f"{self.where}: {self._needs(operation)} has more than {_MOST_PAGES} pages")

    def _answer(self, operation: str, parameters: Mapping[str, Parameter], tries: int = _TRIES) -> object:
        """What AWS says, tried again a few times where it is busy; raises CouldNotObserve."""
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        call = getattr(self._client, xform_name(operation))
        again = Retrying(
            retry=retry_if_exception(worth_another_try),
            stop=stop_after_attempt(tries),
            wait=_PAUSE,
            reraise=True,
        )
        try:
            answer: object = again(call, **parameters)
        except ClientError as e:
            raise refused(e.response, self.where, self._needs(operation)) from e
        except BotoCoreError as e:
            raise silent(e, self.where, self._needs(operation)) from e
        except (
            ResponseParserError,
            ValueError,
            TypeError,
            AttributeError,
            KeyError,
            ArithmeticError,
            RecursionError,
        ) as e:
            # botocore's parsers trust what they parse: a list where a structure should be is a TypeError
            raise misread(self.where, self._needs(operation), type(e).__name__) from e
        return answer

    def _parsed(self, model: type[_T], operation: str, answer: object) -> _T:
        try:
            return model.model_validate(answer)
        except ValidationError as e:
            first = e.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"][:4]) or "the answer"
            raise misread(self.where, self._needs(operation), f"{place}: {first['msg']}") from e

    def _needs(self, operation: str) -> str:
        return permission(str(self._client.meta.service_model.signing_name), operation)


def aws_service(estate: Estate, service: str, region: str | None = None) -> AwsService:
    """A service of the environment's `aws` section; raises NotConfigured, MissingSecret, CouldNotObserve.

    Args:
        estate: the estate.
        service: botocore's name for it (`rds`, `elbv2`).
        region: another one than the section's, for services that live in one region only.
    """
    section = estate.environment.aws
    if section is None:
        raise NotConfigured("the environment names no aws; add its region to the environment file")
    if estate.environment.clock.compressed and section.endpoint is None:
        raise CouldNotObserve("aws: a compressed clock opens nothing but loopback; give the section such an endpoint")
    asked = region or section.region
    client = _client(service, asked, section.endpoint, section.access_key, section.secret_key)
    return AwsService(client, f"{service} in {asked}")


def aws_bucket(estate: Estate, name: str) -> tuple[AwsService, Bucket]:
    """S3 as the environment's bucket is reached, and the bucket's section; raises as `aws_service` does."""
    section = estate.environment.buckets.get(name)
    if section is None:
        known = ", ".join(sorted(estate.environment.buckets)) or "none"
        raise NotConfigured(f"buckets names no {name!r} (it has: {known}); add it to the environment file")
    client = _client("s3", section.region, section.endpoint, section.access_key, section.secret_key)
    return AwsService(client, f"s3 in {section.region}"), section


def age(moment: datetime, where: str) -> timedelta:
    """How long ago AWS says that something was; raises CouldNotObserve for what lies in the future."""
    try:
        since = now() - moment
    except (TypeError, OverflowError) as e:
        raise CouldNotObserve(f"{where}: a time without a zone, or none that there is") from e
    if since < -_AHEAD:
        raise CouldNotObserve(f"{where}: it tells of a time that is still to come; is the clock of this machine right?")
    return max(since, timedelta(0))


def moment(milliseconds: int, where: str) -> datetime:
    """A time that a service counts since 1970; raises CouldNotObserve where it is none."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError) as e:
        raise CouldNotObserve(f"{where}: a time that is none") from e


def days_until(moment: datetime) -> float:
    """How many days are left until then; 0 where it has passed."""
    return max((moment - now()) / timedelta(days=1), 0) if moment.tzinfo else 0


def _client(
    service: str, region: str, endpoint: str | None, access_key: SecretRef | None, secret_key: SecretRef | None
) -> "BaseClient":
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    if not region:
        raise CouldNotObserve(f"{service}: the environment's section has no region; write one as eu-central-1")
    session = Session()
    session.register_component("data_loader", _models())
    patience = Config(connect_timeout=CONNECT_WITHIN, read_timeout=_READ_WITHIN, retries={"total_max_attempts": 1})
    try:
        return session.create_client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=resolve(access_key).get_secret_value() if access_key else None,
            aws_secret_access_key=resolve(secret_key).get_secret_value() if secret_key else None,
            config=patience,
        )
    except BotoCoreError as e:
        raise silent(e, f"{service} in {region}", "a client") from e
    except ValueError as e:  # an endpoint that is no address
        raise CouldNotObserve(f"{service} in {region}: its endpoint in the environment is no address") from e


@cache
def _models() -> "Loader":
    """The descriptions of AWS's services that botocore brings, read from the disk once."""
    from botocore.session import Session

    loader: Loader = Session().get_component("data_loader")
    return loader
