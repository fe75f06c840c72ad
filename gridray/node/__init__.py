"""What runs on a cluster's machines beside Ray: the dead-man's switch that ends them."""
