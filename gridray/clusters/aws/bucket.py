"""The bucket of a cluster's store: private, encrypted, and nobody else's."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from gridray.clusters.aws.session import Account, asking
from gridray.clusters.aws.tags import Mark, mark_of, tags
from gridray.errors import CloudError, UsageError

SCHEME = "s3://"
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
DEFAULT_REGION = "us-east-1"
DELETED_TOGETHER = 1000
AT_ONCE = 8


@dataclass(frozen=True)
class Bucket:
    """A bucket. `mark` is the cluster that Gridray has made it for, None: somebody's own."""

    name: str
    region: str
    exists: bool
    mark: Mark | None = None


def parse(url: str) -> tuple[str, str]:
    """Return the bucket and the prefix of a store's URL; the prefix has no slash at its ends.

    Raises:
        UsageError: it is no URL of a bucket.
    """
    name, _, prefix = url.removeprefix(SCHEME).partition("/")
    if not url.startswith(SCHEME) or not NAME.fullmatch(name):
        raise UsageError(
            f"{url!r} is no place in S3",
            hint="a store is given as s3://BUCKET or s3://BUCKET/PREFIX",
        )
    if re.search(r"[*?$]", prefix):
        raise UsageError(
            f"the prefix of {url!r} has a character that policies of IAM give a meaning (*, ?, $)",
            hint="take another prefix",
        )
    return name, prefix.strip("/")


def look(account: Account, name: str) -> Bucket:
    """Return what is known of a bucket.

    Raises:
        CloudError: it is somebody else's, or AWS cannot be asked.
    """
    from botocore.exceptions import ClientError

    client = account.client("s3")
    with asking(f"for the bucket {name}"):
        try:
            answer = client.head_bucket(Bucket=name)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            if status == 404:
                return Bucket(name, account.region, exists=False)
            if status == 403:
                raise _foreign(name) from error
            if status != 301:
                raise
            region = headers.get("x-amz-bucket-region", account.region)
            client = account.client("s3", region)
        else:
            headers = answer["ResponseMetadata"]["HTTPHeaders"]
            region = headers.get("x-amz-bucket-region", account.region)
    return Bucket(name, region, exists=True, mark=_mark(client, name))


def made(account: Account) -> list[Bucket]:
    """Return the account's buckets, of all regions, that Gridray has made.

    Raises:
        DeniedError: the caller may not list them.
        CloudError: AWS cannot be asked.
    """
    client = account.client("s3")
    with asking("for the buckets"):
        # S3 tells where buckets are only if it is asked for pages.
        pages = client.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1000})
        found = [
            Bucket(each["Name"], each.get("BucketRegion", account.region), exists=True)
            for page in pages
            for each in page.get("Buckets", ())
        ]

    def marked(each: Bucket) -> Bucket:
        return replace(each, mark=_mark(account.client("s3", each.region), each.name))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [each for each in pool.map(marked, found) if each.mark]


def make(account: Account, name: str, mark: Mark) -> None:
    """Make a bucket that only the account can see, or finish one that was begun.

    Raises:
        CloudError: it is somebody else's, or AWS refuses.
    """
    client = account.client("s3")
    found = look(account, name)
    if found.exists and found.mark not in (mark, None):
        raise _foreign(name)
    if not found.exists:
        where: dict[str, Any] = {}
        if account.region != DEFAULT_REGION:
            # us-east-1 is no location: S3 refuses it as one.
            constraint = {"LocationConstraint": account.region}
            where = {"CreateBucketConfiguration": constraint}
        try:
            with asking(f"to make the bucket {name}"):
                client.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **where)
        except CloudError as error:
            if error.code == "BucketAlreadyExists":
                raise _foreign(name) from error
            if error.code != "BucketAlreadyOwnedByYou":
                raise
    _close(client, name, mark)


def _close(client: Any, name: str, mark: Mark) -> None:
    """Tag a bucket, keep the public out, and have what is in it encrypted."""
    everything = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
    closed = dict.fromkeys((*everything, "RestrictPublicBuckets"), True)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    with asking(f"to close the bucket {name}"):
        client.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed)
        client.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]}
        )
        client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags(mark)})


def purge(account: Account, name: str, mark: Mark) -> bool:
    """Delete a bucket that was made for a cluster, with all that is in it; say whether it was.

    Raises:
        CloudError: AWS refuses.
    """
    found = look(account, name)
    if not found.exists or found.mark not in (mark, None):
        return False
    client = account.client("s3", found.region)
    if found.mark is not None:
        _empty(client, name)
    # Its making was cut off before it had tags: S3 deletes it only if it is empty.
    with asking(f"to delete the bucket {name}"):
        client.delete_bucket(Bucket=name)
    return True


def _empty(client: Any, name: str) -> None:
    with asking(f"to empty the bucket {name}"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            every = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in every]
            for first in range(0, len(keys), DELETED_TOGETHER):
                part = keys[first : first + DELETED_TOGETHER]
                client.delete_objects(Bucket=name, Delete={"Objects": part, "Quiet": True})


def _mark(client: Any, name: str) -> Mark | None:
    try:
        with asking(f"for the tags of the bucket {name}"):
            return mark_of(client.get_bucket_tagging(Bucket=name)["TagSet"])
    except CloudError as error:
        if error.code == "NoSuchTagSet" or type(error) is not CloudError:
            return None
        raise


def _foreign(name: str) -> CloudError:
    return CloudError(
        f"the bucket {name} exists, and this account may not use it: it is somebody else's",
        hint="name another one with --store s3://BUCKET; the names of buckets are the world's",
        code="BucketAlreadyExists",
    )
