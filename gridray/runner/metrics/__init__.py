"""What a script measures, picked up while it runs: from its files, its output and its processes."""
