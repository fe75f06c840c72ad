"""The Ray clusters that Gridray knows: this machine's own, and any existing one."""
