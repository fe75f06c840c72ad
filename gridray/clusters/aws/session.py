"""Who asks AWS, where, and how: every client is made here, and every error of AWS is translated."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from gridray.errors import CloudError, CredentialsError, DeniedError

CONNECT_SECONDS = 5
READ_SECONDS = 30
ATTEMPTS = 4
# What is not AWS, a proxy, may answer with a whole page.
MESSAGE_LENGTH = 500
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
UNKNOWN_KEY = {
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
}
# AWS itself tells the permission in words, and EC2 goes on with a blob that only AWS can read.
PERMISSION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)")
BLOB = re.compile(r"\.? *Encoded authorization failure message:.*", re.DOTALL)
LOG_IN = (
    "`aws configure` stores an access key, `aws sso login` logs in anew; "
    "or name another profile with --profile"
)


@dataclass(frozen=True)
class Identity:
    """Whom AWS takes the caller for."""

    account: str
    arn: str


class Account:
    """An AWS account in one region, as a profile of this machine sees it.

    Args:
        region: as `us-east-1`; None: what AWS_REGION or the profile says.
        profile: of `~/.aws`; None: the environment's credentials, or the default profile.

    Nothing is asked, and no file read, before the first use.
    """

    def __init__(self, region: str | None = None, profile: str | None = None) -> None:
        self.profile = profile
        self._region = region
        self._clients: dict[tuple[str, str], Any] = {}
        # Clients may be shared by threads, but not the making of them.
        self._lock = threading.RLock()

    @cached_property
    def region(self) -> str:
        """The region.

        Raises:
            CloudError: none is given, or there is none of this name.
            CredentialsError: there is no such profile.
        """
        found = self._configured
        if not found:
            raise CloudError(
                "no AWS region is given, and none is configured",
                hint="add --region us-east-1, or set AWS_REGION, or `aws configure set region`",
            )
        known = [
            name
            for partition in self._session.get_available_partitions()
            for name in self._session.get_available_regions("ec2", partition)
        ]
        if found not in known:
            near = get_close_matches(found, known) or ["us-east-1", "eu-west-1"]
            raise CloudError(
                f"AWS has no region {found!r}",
                hint=f"did you mean {' or '.join(near)}? If it is new, upgrade boto3",
            )
        return found

    @property
    def is_placed(self) -> bool:
        """Whether a region is given or configured, be it a good one or not.

        Raises:
            CredentialsError: there is no such profile.
        """
        return bool(self._configured)

    @property
    def has_credentials(self) -> bool:
        """Whether this machine has any, be they good or not.

        Raises:
            CredentialsError: there is no such profile, or its credentials cannot be fetched.
        """
        with asking("for its credentials"):
            return self._session.get_credentials() is not None

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of a service, made once; any thread may use it.

        Args:
            region: for services that are not where the cluster is.

        Raises:
            CloudError: there is no such region.
            CredentialsError: there is no such profile.
        """
        where = region or self.region
        with self._lock, asking(f"for a client of {service}"):
            if (service, where) not in self._clients:
                self._clients[service, where] = self._session.client(
                    service, region_name=where, config=_configuration()
                )
            return self._clients[service, where]

    def at(self, region: str) -> "Account":
        """Return the same account in another region."""
        return Account(region, self.profile)

    def identity(self) -> Identity:
        """Return whom AWS takes the caller for; asked once.

        Raises:
            CredentialsError: AWS does not know the caller, or no longer does.
            CloudError: it cannot be asked.
        """
        return self._identity

    @cached_property
    def _identity(self) -> Identity:
        with asking("who is calling"):
            answer = self.client("sts").get_caller_identity()
        return Identity(answer["Account"], answer["Arn"])

    @property
    def _configured(self) -> str | None:
        found = self._region or os.environ.get("AWS_REGION") or self._session.region_name
        return found and str(found)

    @cached_property
    def _session(self) -> Any:
        import boto3

        with asking("for the profile"):
            return boto3.Session(profile_name=self.profile)


def _configuration() -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="gridray",
    )


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Translate what AWS, or the way to it, answers to a question.

    Args:
        what: the question in words, after "AWS was asked".

    Raises:
        CredentialsError: there are no credentials, or they have expired, or AWS does not know them.
        DeniedError: the caller has no permission for it.
        CloudError: anything else that AWS says, or it cannot be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise _refused(what, error) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise _unasked(what, error) from error


def _refused(what: str, error: Any) -> CloudError:
    """Translate an answer of AWS."""
    code = str(error.response["Error"].get("Code", "Unknown"))
    said = BLOB.sub("", str(error.response["Error"].get("Message", "")))
    text = " ".join(said.split())[:MESSAGE_LENGTH]
    if code in EXPIRED:
        return CredentialsError(
            f"the AWS credentials have expired ({code}: {text})",
            hint=f"{LOG_IN}; a clock that is wrong has the same effect",
            code=code,
        )
    if code in UNKNOWN_KEY:
        return CredentialsError(
            f"AWS does not accept the credentials ({code}: {text})",
            hint=f"{LOG_IN}. It is the same where a region is not enabled for the account",
            code=code,
        )
    if code in DENIED:
        permission = permission_of(error)
        return DeniedError(
            f"AWS was asked {what}, and the permission {permission} is missing ({text})",
            hint=f"ask whoever administers the account to allow {permission}",
            code=code,
        )
    if code == "OptInRequired":
        return CloudError(
            f"AWS was asked {what}, and the account has to be enabled for that first ({text})",
            hint="enable the region or the service in the AWS console, or take another region",
            code=code,
        )
    return CloudError(f"AWS was asked {what}, and refused: {code}: {text}", code=code)


def permission_of(error: Any) -> str:
    """Return the permission, as `ec2:RunInstances`, that an answer of AWS says is missing."""
    named = PERMISSION.search(str(error.response["Error"].get("Message", "")))
    if named:
        return named.group(1)
    is_ec2 = error.response["Error"].get("Code") == "UnauthorizedOperation"
    return f"ec2:{error.operation_name}" if is_ec2 else str(error.operation_name)


def _unasked(what: str, error: Any) -> CloudError:
    """Translate why there is no answer."""
    from botocore import exceptions

    if isinstance(error, exceptions.ProfileNotFound):
        return CredentialsError(
            f"there is no AWS profile {error.kwargs['profile']!r} in ~/.aws",
            hint="`aws configure list-profiles` lists them",
        )
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return CredentialsError(f"there are no AWS credentials ({error})", hint=LOG_IN)
    # A `login` session came to botocore later than what is required of it here.
    login = getattr(exceptions, "LoginError", exceptions.SSOError)
    fetching = (exceptions.TokenRetrievalError, exceptions.CredentialRetrievalError)
    if isinstance(error, (*fetching, exceptions.SSOError, login)):
        return CredentialsError(f"the AWS credentials cannot be fetched ({error})", hint=LOG_IN)
    if isinstance(error, exceptions.NoRegionError):
        return CloudError("no AWS region is given", hint="add --region us-east-1")
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return CloudError(
            f"AWS was asked {what}, and cannot be reached ({error})",
            hint="check the network, a proxy (HTTPS_PROXY) and AWS_ENDPOINT_URL",
        )
    return CloudError(f"AWS was asked {what}, and boto3 failed: {error}")
