"""Host keys in what an instance prints, and in the file that ssh reads."""

from pathlib import Path

import pytest

from gridray.clusters.aws import hostkeys

CONSOLE = f"""\
[   31.0] cloud-init[917]: booting
{hostkeys.BEGIN}
ssh-ed25519 AAAAold root@before
{hostkeys.END}
{hostkeys.BEGIN}
ecdsa-sha2-nistp256 AAAAecdsa root@ip-10-0-0-1
ssh-ed25519 AAAAed root@ip-10-0-0-1
{hostkeys.END}
login:
"""


def test_the_last_keys_that_were_printed_count() -> None:
    assert hostkeys.printed_keys(CONSOLE) == {
        "ecdsa-sha2-nistp256 AAAAecdsa",
        "ssh-ed25519 AAAAed",
    }


@pytest.mark.parametrize("text", ["", "booting", f"{hostkeys.BEGIN}\nssh-ed25519 AAAA"])
def test_nothing_is_printed_yet(text: str) -> None:
    assert hostkeys.printed_keys(text) is None


def test_keys_are_remembered_with_their_instance(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    assert hostkeys.whose(path) is None
    hostkeys.remember(path, "one", ("ssh-ed25519 AAAA", "ssh-rsa BBBB"), "i-1")
    assert path.read_text() == "# i-1\none ssh-ed25519 AAAA\none ssh-rsa BBBB\n"
    assert hostkeys.whose(path) == "i-1"
