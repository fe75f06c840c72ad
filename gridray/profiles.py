"""Credentials for S3 from a profile of the AWS tools."""

import os
from pathlib import Path
from typing import Any


def profile_credentials() -> Any:
    """Return a provider for a profile of the AWS tools, where the environment has no keys."""
    variables = os.environ
    if "AWS_ACCESS_KEY_ID" in variables or "AWS_WEB_IDENTITY_TOKEN_FILE" in variables:
        return None
    files = (
        variables.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        variables.get("AWS_CONFIG_FILE", "~/.aws/config"),
    )
    named = "AWS_PROFILE" in variables or "AWS_DEFAULT_PROFILE" in variables
    if not named and not any(Path(file).expanduser().exists() for file in files):
        return None
    from obstore.auth.boto3 import Boto3CredentialProvider

    return Boto3CredentialProvider()
