"""What runs on a cluster's machines: Ray's start, and the dead-man's switch that ends them."""
