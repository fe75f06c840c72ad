"""The headings below which `gridray --help` lists the commands."""

RUN = "Run"
FOLLOW = "Follow"
CHANGE = "Stop and delete"
DATA = "Data"
CLUSTERS = "Clusters"
OTHER = "Other"

ORDER = (RUN, FOLLOW, CHANGE, DATA, CLUSTERS, OTHER)
