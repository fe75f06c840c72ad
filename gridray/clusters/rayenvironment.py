"""The variables that every Ray of Gridray's own runs with, here and in a cloud."""

# A sweep may wait for its turn for longer than the 15 minutes that Ray gives a job.
JOB_START_TIMEOUT = 30 * 24 * 3600

VARIABLES = {
    "RAY_AUTH_MODE": "token",
    "RAY_JOB_START_TIMEOUT_SECONDS": str(JOB_START_TIMEOUT),
    # Ray would end the supervisor of any experiment, and the controller, when the machine runs
    # low on memory. The kernel ends the process that takes it, and the runner can say so.
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}

# A dead node is known after 5 s to 7 s, instead of half a minute.
HEALTH_CHECKS = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "5",
}
