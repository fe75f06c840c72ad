"""Credentials for S3 from a profile of the AWS tools."""

import json
import os
from pathlib import Path
from typing import Any

from gridray import settings


def made_bucket(name: str) -> tuple[str | None, str | None]:
    """Return the region of a bucket that was made for a cluster, and the profile it was made with.

    None: it was not, or the environment's credentials are used.
    """
    for path in (settings.home() / "clusters").glob("*/made.json"):
        try:
            what = json.loads(path.read_bytes())
            if what["bucket"] == name:
                return what["region"], what["profile"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None, None


def profile_credentials(profile: str | None = None) -> Any:
    """Return a provider for a profile of the AWS tools, where the environment has no keys.

    Args:
        profile: its name; None: what AWS_PROFILE says, or the default one.
    """
    variables = os.environ
    if "AWS_ACCESS_KEY_ID" in variables or "AWS_WEB_IDENTITY_TOKEN_FILE" in variables:
        return None
    files = (
        variables.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        variables.get("AWS_CONFIG_FILE", "~/.aws/config"),
    )
    named = profile is not None or "AWS_PROFILE" in variables or "AWS_DEFAULT_PROFILE" in variables
    if not named and not any(Path(file).expanduser().exists() for file in files):
        return None
    from obstore.auth.boto3 import Boto3CredentialProvider

    if profile is None or "AWS_PROFILE" in variables:
        return Boto3CredentialProvider()
    from boto3 import Session  # noqa: TID251 (it is what obstore takes)

    return Boto3CredentialProvider(session=Session(profile_name=profile))
