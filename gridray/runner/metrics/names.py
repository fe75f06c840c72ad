"""Which files are looked into: TensorBoard's, and those with a name that says so."""

EVENTS = "events.out.tfevents."
TABLES = ("metrics.jsonl", "metrics.csv")


def is_event_file(name: str) -> bool:
    return EVENTS in name


def is_metric_path(path: str) -> bool:
    """Whether metrics are read from the file at this path (relative, with `/`)."""
    name = path.rpartition("/")[2]
    return name in TABLES or is_event_file(name)
