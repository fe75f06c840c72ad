"""What is wrong with a store, in words, and what mends it."""

from pathlib import Path

# Where obstore looks for credentials when there are none elsewhere.
METADATA = ("/latest/api/token", "/latest/meta-data/iam/")


def first_line(error: Exception) -> str:
    """Return the words of an error, without what S3 servers answer in XML behind them."""
    return str(error).split("\n", 1)[0].split("<", 1)[0].rstrip(" :")


def lacks_credentials(error: Exception) -> bool:
    """Whether the last hope for credentials, the role of an instance in AWS, was in vain."""
    return any(place in str(error) for place in METADATA)


def hint(directory: Path | None, text: str) -> str:
    if directory is not None:
        if "No space left" in text:
            return f"the disk of {directory} is full; free some of it, or set GRIDRAY_STORE"
        return f"check that {directory} is a directory that you may write, or set GRIDRAY_STORE"
    if any(place in text for place in METADATA):
        return (
            "`aws configure` stores an access key, `aws sso login` logs in anew; or set AWS_PROFILE"
        )
    return (
        "check the bucket's name, AWS_REGION, AWS_ENDPOINT_URL and the credentials "
        "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE)"
    )
