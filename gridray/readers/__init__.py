"""What users ask of the store: status, logs, artifacts. Nothing here prints or needs a cluster."""
