"""The labels of nodes that experiments are placed by, as Ray keeps them."""

# Ray's own name for it (ray.io/market-type), which its autoscaler knows too.
MARKET = "ray.io/market-type"
SPOT = "spot"
ON_DEMAND = "on-demand"
INSTANCE_TYPE = "gridray/instance-type"
# GB of a node's disk, in digits.
DISK = "gridray/disk-gb"
