"""The files in `cluster_configs` that are for AWS: what Gridray makes, with names to fill in.

`python -m gridray.clusters.aws.examples cluster_configs` writes them.
"""

import sys
from pathlib import Path

from gridray.clusters.aws import blueprint, clusterfile
from gridray.clusters.aws.clusterfile import HEAD, HEAD_DISK_GB, Nodes, Things, Wanted
from gridray.clusters.aws.images import Image
from gridray.clusters.aws.instancetype import X86, shipped
from gridray.labels import ON_DEMAND, SPOT

NAME = "my-cluster"
OWNER = "1"
REGION = "us-east-1"
SUBNETS = ("subnet-REPLACE-1", "subnet-REPLACE-2")
GROUP = "sg-REPLACE"
CPU_IMAGE = "ami-REPLACE-UBUNTU"
GPU_IMAGE = "ami-REPLACE-GPU"
STORE = "s3://REPLACE"
DIRECTORY = Path(f"~/.gridray/clusters/{NAME}")
EXAMPLES = {
    "aws-cpu.yaml": (("m5.xlarge", "c7i.4xlarge"), (SPOT, ON_DEMAND)),
    "aws-gpu.yaml": (("g4dn.xlarge", "g5.xlarge"), (ON_DEMAND,)),
    "aws-gpu-spot.yaml": (("g4dn.xlarge", "g5.xlarge"), (SPOT,)),
}
START = f"""\
A cluster of Gridray in AWS, for `ray up --no-config-cache FILE`. `gridray clusters aws NAME` makes
such a file, and all that it names, by itself; this one is for doing it by hand. Replace:
  {NAME}          the cluster's name, wherever it is
  {REGION}           its region, wherever it is
  {SUBNETS[0]}    subnets of one VPC that give public addresses
  {GROUP}          a security group: SSH from your address, everything from itself
  {CPU_IMAGE}  Ubuntu 24.04, by the SSM parameter /aws/service/canonical/ubuntu/
                      server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id
  {GPU_IMAGE}     Ubuntu with NVIDIA's driver, by the SSM parameter /aws/service/deeplearning/
                      ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id
  KeyName             an EC2 key pair, whose private half is in ssh_private_key
  IamInstanceProfile  of roles with the policies in gridray/clusters/aws/policies.py
  file_mounts         `python -m gridray.clusters.aws.nodefiles DIRECTORY` makes the directory
The store is a bucket in the same region: GRIDRAY_STORE=s3://BUCKET says so to `gridray run`.
"""


def texts() -> dict[str, str]:
    """Return the files by their names."""
    return {name: _text(types, markets) for name, (types, markets) in EXAMPLES.items()}


def _text(types: tuple[str, ...], markets: tuple[str, ...]) -> str:
    wanted = Wanted(NAME, REGION, types, markets)
    head = _nodes(HEAD, wanted.head_type, None, HEAD_DISK_GB)
    groups = [
        _nodes(clusterfile.group_name(each, market), each, market, wanted.disk_gb)
        for each in types
        for market in markets
    ]
    head_role, worker_role = blueprint.role_names(wanted)
    things = Things(
        owner=OWNER,
        security_group=GROUP,
        key_pair=blueprint.name(NAME),
        head_profile=head_role,
        worker_profile=worker_role,
        store=STORE,
        store_region=REGION,
        directory=DIRECTORY,
    )
    return clusterfile.text(wanted, head, groups, things, START)


def _nodes(name: str, instance_type: str, market: str | None, disk_gb: int) -> Nodes:
    instance = shipped().types[instance_type]
    image = Image(GPU_IMAGE if instance.gpus else CPU_IMAGE, X86, "/dev/sda1", 0)
    return Nodes(name, instance, market, image, SUBNETS, disk_gb)


def main(arguments: list[str]) -> None:
    """Write them."""
    if len(arguments) != 1:
        sys.exit("usage: python -m gridray.clusters.aws.examples DIRECTORY")
    for name, text in texts().items():
        (Path(arguments[0]) / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
