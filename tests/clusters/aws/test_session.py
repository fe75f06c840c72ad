"""Who asks AWS, and what is made of its errors."""

from pathlib import Path

import pytest
from botocore import exceptions

from gridray.clusters.aws.session import Account, asking
from gridray.errors import CloudError, CredentialsError, DeniedError
from tests.clusters.aws.conftest import Allow
from tests.clusters.aws.lists import Lists


def test_an_account_knows_who_is_calling(account: Account) -> None:
    assert account.region == "us-east-1"
    assert account.identity().account == "123456789012"


def test_without_credentials(nobody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account("us-east-1")
    assert not account.has_credentials
    with pytest.raises(CredentialsError, match="no AWS credentials") as caught:
        account.identity()
    assert "aws configure" in str(caught.value.hint)


@pytest.mark.parametrize("code", ["ExpiredToken", "RequestExpired"])
def test_an_expired_token(aws: Lists, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.refused["GetCallerIdentity"] = (code, "The security token is too old")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    with pytest.raises(CredentialsError, match=r"have expired.*too old") as caught:
        Account().identity()
    assert "aws sso login" in str(caught.value.hint)


def test_a_key_that_aws_does_not_know(aws: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)
    with pytest.raises(CredentialsError, match="does not accept the credentials"):
        Account().identity()


def test_no_region(nobody: None) -> None:
    assert not Account().is_placed
    with pytest.raises(CloudError, match="no AWS region is given"):
        _ = Account().region


def test_an_unknown_region_is_not_asked_for(nobody: None) -> None:
    with pytest.raises(CloudError, match="no region 'eu-west-9'") as caught:
        Account("eu-west-9").client("ec2")
    assert "eu-west-" in str(caught.value.hint)


def test_the_region_comes_from_the_environment(
    nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Account().region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Account().region == "eu-west-2"
    assert Account("eu-west-3").region == "eu-west-3"


def test_profiles(nobody: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile work]\nregion = ap-south-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert Account(profile="work").region == "ap-south-1"
    with pytest.raises(CredentialsError, match="no AWS profile 'wrok'"):
        _ = Account(profile="wrok").region


def test_what_is_denied_names_the_permission(allowed: Allow) -> None:
    account = allowed("sts:GetCallerIdentity")
    with pytest.raises(DeniedError, match="ec2:DescribeVpcs") as caught, asking("for VPCs"):
        account.client("ec2").describe_vpcs()
    assert "for VPCs" in caught.value.message
    assert "ec2:DescribeVpcs" in str(caught.value.hint)
    assert caught.value.__cause__ is not None


def test_only_aws_can_read_its_blob() -> None:
    error = exceptions.ClientError(
        {
            "Error": {
                "Code": "UnauthorizedOperation",
                "Message": "You are not authorized to perform this operation. User: arn:aws:iam::1:"
                "user/me is not authorized to perform: ec2:RunInstances on resource: "
                "arn:aws:ec2:us-east-1:1:instance/* because no policy allows it. Encoded "
                "authorization failure message: dGhpcyBpcyBsb25n",
            }
        },
        "RunInstances",
    )
    with pytest.raises(DeniedError, match="the permission ec2:RunInstances is") as caught:
        with asking("for instances"):
            raise error
    assert "dGhpcyBpcyBsb25n" not in caught.value.message


def test_an_endpoint_that_nobody_serves(aws: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setattr("gridray.clusters.aws.session.ATTEMPTS", 1)
    with pytest.raises(CloudError, match="cannot be reached") as caught:
        Account().identity()
    assert "AWS_ENDPOINT_URL" in str(caught.value.hint)


def test_whatever_else_aws_says_is_told(account: Account) -> None:
    with pytest.raises(CloudError, match=r"InvalidSubnetID\.NotFound") as caught:
        with asking("for a subnet"):
            account.client("ec2").describe_subnets(SubnetIds=["subnet-none"])
    assert caught.value.code == "InvalidSubnetID.NotFound"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (exceptions.NoCredentialsError(), CredentialsError, "no AWS credentials"),
        (
            exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            CredentialsError,
            "AWS_SECRET_ACCESS_KEY",
        ),
        (exceptions.UnauthorizedSSOTokenError(), CredentialsError, "cannot be fetched"),
        (
            exceptions.CredentialRetrievalError(provider="process", error_msg="exit 3"),
            CredentialsError,
            "exit 3",
        ),
        (exceptions.NoRegionError(), CloudError, "no AWS region"),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), CloudError, "cannot be reached"),
        (exceptions.ProxyConnectionError(proxy_url="http://p"), CloudError, "cannot be reached"),
        (exceptions.SSLError(endpoint_url="https://x", error="old"), CloudError, "be reached"),
        (exceptions.ConfigParseError(path="/x/config"), CloudError, "/x/config"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_botocore_raises(error: Exception, kind: type[CloudError], words: str) -> None:
    with pytest.raises(kind, match=words), asking("for anything"):
        raise error
