"""An account at AWS: moto plays EC2, STS and IAM, `Lists` what moto does not."""

import functools
import json
import logging
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import botocore.loaders
import moto.backends
import pytest
from botocore.loaders import Loader
from moto.iam.models import SERVICE_NAME_CONVERSION
from moto.server import ThreadedMotoServer

from gridray import settings
from gridray.clusters.aws import permissions, remains, wheel
from gridray.clusters.aws.made import Made
from gridray.clusters.aws.session import Account
from tests import sshd
from tests.cli.conftest import Call
from tests.cli.conftest import call as call
from tests.clusters.aws import heads
from tests.clusters.aws.cloud import Cloud, forbidden
from tests.clusters.aws.heads import Head
from tests.clusters.aws.lists import Lists, serving
from tests.clusters.aws.one import WORDS

REGION = "us-east-1"
Allow = Callable[..., Account]
# The wheel of Gridray is built once.
built = functools.cache(wheel.build)
ELSEWHERE = ("PRICING", "SERVICE_QUOTAS")


@pytest.fixture(scope="session")
def models() -> Loader:
    return botocore.loaders.create_loader()


@pytest.fixture(autouse=True)
def shared_models(models: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the description of each service once: that of EC2 takes a second."""
    monkeypatch.setattr(botocore.loaders, "create_loader", lambda *_: models)


@contextmanager
def spared() -> Iterator[None]:
    """Spare moto what it does at each request, a look at all its files and a line of a log.

    And teach it the name of the role of EC2's spot instances.
    """
    modules = list(moto.backends.list_of_moto_modules())
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moto.backends, "list_of_moto_modules", lambda: modules)
        patch.setitem(SERVICE_NAME_CONVERSION, "spot", "EC2Spot")
        yield


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with spared():
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


def post(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without credentials; none are looked for on the network."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def lists() -> Iterator[Lists]:
    with serving() as server:
        yield server


@pytest.fixture
def aws(nobody: None, moto_url: str, lists: Lists, monkeypatch: pytest.MonkeyPatch) -> Lists:
    """An empty account that may do everything, in the environment."""
    post(f"{moto_url}/moto-api/reset")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    for service in ELSEWHERE:
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", lists.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_IAM", lists.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return lists


@pytest.fixture
def account(aws: Lists) -> Account:
    return Account()


@pytest.fixture
def allowed(aws: Lists, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Allow:
    """A function that makes the caller a user who may do only what is said."""

    def allow(*actions: str) -> Account:
        iam = boto3.client("iam", endpoint_url=moto_url)
        iam.create_user(UserName="somebody")
        policy = {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        document = json.dumps({"Version": "2012-10-17", **policy})
        iam.put_user_policy(UserName="somebody", PolicyName="some", PolicyDocument=document)
        key = iam.create_access_key(UserName="somebody")["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        # Where moto begins to look at policies; it runs in this process.
        monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)
        return Account()

    return allow


@pytest.fixture
def cloud(aws: Lists, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An empty account in which everything is moto, and the images of today are there."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_IAM")
    monkeypatch.setattr(wheel, "build", built)
    # moto's instances are gone at once.
    monkeypatch.setattr(remains, "PAUSE", 0.02)
    return Cloud(moto_url)


@pytest.fixture
def foreign_bucket(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a bucket that S3 answers for with 403, as it does for another account's."""
    with forbidden() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
        yield "somebody-elses"


@pytest.fixture
def head(tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Head]:
    sshd.require()
    cloud.account()
    # moto does not play SimulatePrincipalPolicy, and fails as if it were overloaded.
    monkeypatch.setattr(permissions, "simulated", lambda account: [])
    with heads.playing(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
def made_one(call: Call, head: Head) -> Made:
    made_it = call("clusters", "aws", "one", *WORDS)
    assert made_it.code == 0, made_it.err
    return Made.load(settings.home(), "one")
