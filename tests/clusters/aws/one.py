"""The cluster `one` that the tests of commands make: how it is asked for, and where it is."""

from pathlib import Path
from typing import Any

import jsonschema

from gridray import settings
from gridray.cli import reference
from gridray.clusters.aws import made

WORDS = "--instance-types m5.large,g4dn.xlarge --ssh-from 203.0.113.7/32 --yes".split()
STORE = "s3://gridray-123456789012-us-east-1-one"


def fits(name: str, data: Any) -> Any:
    """Return data that has the shape that the documentation says."""
    jsonschema.validate(data, reference.schema(name))
    return data


def home_of(name: str) -> Path:
    return made.directory(settings.home(), name)
