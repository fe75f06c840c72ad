"""What was asked for is found again, and this machine's own address is learnt."""

from pathlib import Path

import pytest

from gridray.clusters.aws import wishes
from gridray.clusters.aws.clusterfile import Wanted
from gridray.clusters.aws.wishes import Wish
from gridray.errors import ClusterError, ConfigError
from tests.dashboard import Dashboard


def answering(dashboard: Dashboard, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dashboard.answers[("GET", "/")] = (200, text)
    url = f"http://127.0.0.1:{dashboard.server_address[1]}/"
    monkeypatch.setattr(wishes, "ADDRESS_SERVICE", url)


def test_a_wish_is_found_again(tmp_path: Path) -> None:
    wanted = Wanted("one", "us-east-1", ("m5.large", "g5.xlarge"), head_idle=60.0, amis=("ami-1",))
    Wish(wanted, follows_address=True).save(tmp_path)
    assert wishes.load(tmp_path, "one") == Wish(wanted, follows_address=True)
    assert (tmp_path / "clusters" / "one").stat().st_mode & 0o777 == 0o700
    for text in ("{", "[]", '{"name": "one"}'):
        (tmp_path / "clusters" / "one" / wishes.FILE).write_text(text)
        with pytest.raises(ConfigError, match="was to be"):
            wishes.load(tmp_path, "one")


@pytest.mark.parametrize(
    ("text", "block"),
    [("203.0.113.7\n", "203.0.113.7/32"), ("2001:db8::1", "2001:db8::1/128")],
)
def test_the_own_address(
    dashboard: Dashboard, text: str, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(dashboard, text, monkeypatch)
    assert wishes.own_block() == block


def test_an_address_that_is_not_told(dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(dashboard, "<html>log in first</html>", monkeypatch)
    with pytest.raises(ClusterError, match="which is no address") as told:
        wishes.own_block()
    assert "--ssh-from" in str(told.value.hint)
    monkeypatch.setattr(wishes, "ADDRESS_SERVICE", "http://127.0.0.1:9/")
    with pytest.raises(ClusterError, match="is not known"):
        wishes.own_block()
