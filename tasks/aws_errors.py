"""What AWS's client says when a call fails, in words that say what to do; nothing of an answer's own text is shown."""

import re
from collections.abc import Mapping

from tminus.errors import CouldNotObserve

_CODE = re.compile(r"[\w.:-]{1,64}")
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden", "UnauthorizedOperation", "403"}
)
_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_TOO_OFTEN = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "429",
    }
)
_ABSENT = frozenset(
    {
        "DBClusterNotFoundFault",
        "DBInstanceNotFound",
        "DBInstanceNotFoundFault",
        "LoadBalancerNotFound",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NotFound",  # a topic of SNS
        "NotFoundException",
        "ObjectLockConfigurationNotFoundError",
        "OwnershipControlsNotFoundError",
        "ReplicationConfigurationNotFoundError",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
        "UnsupportedOperationException",  # a key of a sort that has no rotation
        "WAFNonexistentItemException",
    }
)
_CHANGED = frozenset({"ConditionalRequestConflict", "OperationAborted", "PreconditionFailed"})
_NOT_OPENED = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})
# Where what a call is named and what a policy allows differ.
# Source: https://docs.aws.amazon.com/service-authorization/latest/reference/
_PERMISSIONS: Mapping[str, str] = {
    "kms:ReEncrypt": "kms:ReEncryptFrom and kms:ReEncryptTo",
    "s3:CopyObject": "s3:GetObject and s3:PutObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "budgets:DescribeBudget": "budgets:ViewBudget",
    "budgets:DescribeNotificationsForBudget": "budgets:ViewBudget",
    "budgets:DescribeSubscribersForNotification": "budgets:ViewBudget",
}
_PREFIXES: Mapping[str, str] = {"monitoring": "cloudwatch"}
_SERVER_ERROR = 500
_NO_OBJECT = ("404", "s3:GetObject")  # HeadObject's answer has no body, and so no word for it


class NotThere(CouldNotObserve):
    """AWS says that what was asked for does not exist: an observation, where the check is about that."""


class Denied(CouldNotObserve):
    """AWS does not allow the call to whoever asks."""


class ChangedMeanwhile(CouldNotObserve):
    """What a call was to change is not any more what it was when it was looked at; nothing was changed."""


class NotOpened(CouldNotObserve):
    """KMS does not open a ciphertext: it is none, of another key, or the encryption context is another."""


def permission(signing_name: str, operation: str) -> str:
    """What a policy must allow for a call: `cloudwatch:DescribeAlarms`."""
    name = f"{_PREFIXES.get(signing_name, signing_name)}:{operation}"
    return _PERMISSIONS.get(name, name)


def worth_another_try(error: BaseException) -> bool:
    """Whether a moment later it may go well: asked too often, a server's error, a connection that broke."""
    from botocore.exceptions import ClientError, ConnectionClosedError

    if isinstance(error, ClientError):
        return code_of(error.response) in _TOO_OFTEN or _status(error.response) >= _SERVER_ERROR
    return isinstance(error, ConnectionClosedError)


def refused(response: object, where: str, needs: str) -> CouldNotObserve:
    """The error for a refusal of AWS.

    Args:
        response: the `response` of botocore's ClientError.
        where: what was asked (`rds in eu-central-1`).
        needs: the permission that the call needs.
    """
    code = code_of(response)
    if code in _ABSENT or (code, needs) == _NO_OBJECT:
        return NotThere(f"{where}: {code} for {needs}")
    if code in _CHANGED:
        return ChangedMeanwhile(f"{where}: {code} for {needs}")
    if code in _NOT_OPENED:
        return NotOpened(f"{where}: {code} for {needs}")
    if code in _DENIED:
        return Denied(f"{where}: {needs} is not allowed ({code}); allow it for the identity that tminus uses")
    if code in _CREDENTIALS:
        return CouldNotObserve(f"{where}: the credentials are refused ({code}); renew them, and look at the clock here")
    if code in _TOO_OFTEN:
        return CouldNotObserve(f"{where}: {needs} is asked too often ({code}), several times over; try again later")
    return CouldNotObserve(f"{where}: {needs} is answered with {code or 'an error without a code'}; is this AWS?")


def silent(error: Exception, where: str, needs: str) -> CouldNotObserve:
    """The error for a call that got no answer, or could not be made. Of botocore's text nothing is repeated."""
    from botocore import exceptions as of_botocore

    if isinstance(
        error,
        of_botocore.NoCredentialsError
        | of_botocore.PartialCredentialsError
        | of_botocore.CredentialRetrievalError
        | of_botocore.ProfileNotFound
        | of_botocore.TokenRetrievalError
        | of_botocore.UnauthorizedSSOTokenError,
    ):
        how = "name access_key and secret_key in the section, or give this process a role"
        return CouldNotObserve(f"{where}: there are no credentials to ask with ({type(error).__name__}); {how}")
    if isinstance(error, of_botocore.NoRegionError | of_botocore.InvalidRegionError):
        return CouldNotObserve(f"{where}: there is no such region ({type(error).__name__}); write one as eu-central-1")
    if isinstance(error, of_botocore.EndpointConnectionError | of_botocore.ConnectTimeoutError):
        return CouldNotObserve(f"{where}: no connection for {needs} ({type(error).__name__}); is the address right?")
    if isinstance(error, of_botocore.ReadTimeoutError):
        return CouldNotObserve(f"{where}: {needs} is not answered in time")
    if isinstance(error, of_botocore.ParamValidationError):
        return CouldNotObserve(f"{where}: a name that the book or the environment gives to {needs} is not of its form")
    return CouldNotObserve(f"{where}: no answer to {needs} ({type(error).__name__})")


def misread(where: str, needs: str, what: str) -> CouldNotObserve:
    """The error for an answer that is none of AWS's: `what` is the place that is wrong, never what stands there."""
    return CouldNotObserve(f"{where}: an unexpected answer to {needs} ({what}); is this AWS?")


def code_of(response: object) -> str:
    """AWS's word for an error, of letters and digits only; "" where there is none."""
    error = response.get("Error") if isinstance(response, dict) else None
    code = error.get("Code", "") if isinstance(error, dict) else ""
    match = _CODE.fullmatch(str(code).rpartition("#")[2])
    return match[0] if match else ""


def _status(response: object) -> int:
    about = response.get("ResponseMetadata") if isinstance(response, dict) else None
    status = about.get("HTTPStatusCode") if isinstance(about, dict) else None
    return status if isinstance(status, int) else 0
