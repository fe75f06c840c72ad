#!/usr/bin/env bash
# Starts Ray on this node, with the arguments of `ray start`; whatever ran before is stopped.
set -euo pipefail

root=$(dirname "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)")
export PATH=$root/env/bin:$PATH
# An instance plans its own end at its first boot, in case that it gets no further than that.
if [[ -e /run/gridray-fuse ]]; then sudo -n shutdown -c >/dev/null 2>&1 || true; fi

service=${GRIDRAY_METADATA:-http://169.254.169.254}/latest
token=$(curl -sf --max-time 2 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" \
    "$service/api/token" 2>/dev/null) || token=""

# Prints what the instance metadata service says, or nothing.
metadata() {
    curl -sf --max-time 2 -H "X-aws-ec2-metadata-token: $token" "$service/meta-data/$1" \
        2>/dev/null || true
}

GRIDRAY_INSTANCE_TYPE=$(metadata instance-type)
RAY_NODE_ZONE=$(metadata placement/availability-zone)
for name in GRIDRAY_INSTANCE_TYPE RAY_NODE_ZONE; do
    # shellcheck disable=SC2163
    if [[ -n ${!name} ]]; then export "$name"; else unset "$name"; fi
done
# Ray's cluster launcher sets them for its own commands; experiments would inherit them.
unset OMP_NUM_THREADS PYTHONWARNINGS

ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
ray stop
exec ray start --disable-usage-stats "$@"
