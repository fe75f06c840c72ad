"""The headings below which `gridray --help` lists the commands."""

RUN = "Run"
FOLLOW = "Follow"
CHANGE = "Stop and delete"
CLUSTERS = "Clusters"
OTHER = "Other"

ORDER = (RUN, FOLLOW, CHANGE, CLUSTERS, OTHER)
