#!/usr/bin/env bash
# Starts Ray on this node, with the arguments of `ray start`; whatever ran before is stopped.
set -euo pipefail

root=$(dirname "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)")
export PATH=$root/env/bin:$PATH
# An instance plans its own end at its first boot, in case that it gets no further than that.
if [[ -e /run/gridray-fuse ]]; then sudo -n shutdown -c >/dev/null 2>&1 || true; fi

service=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest
token=$(curl -sf --max-time 2 --retry 2 --retry-connrefused -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" \
    "$service/api/token" 2>/dev/null) || token=""

# Prints what the instance metadata service says, or nothing.
metadata() {
    curl -sf --max-time 2 -H "X-aws-ec2-metadata-token: $token" "$service/meta-data/$1" \
        2>/dev/null || true
}

instance_type=$(metadata instance-type)
zone=$(metadata placement/availability-zone)
if [[ -n $instance_type ]]; then export GRIDRAY_INSTANCE_TYPE=$instance_type; fi
# Ray makes a label of it: ray.io/availability-zone.
if [[ -n $zone ]]; then export RAY_NODE_ZONE=$zone; fi
# Ray's cluster launcher sets them for its own commands; experiments would inherit them.
unset OMP_NUM_THREADS PYTHONWARNINGS
# A bash that has these thinks that sshd has started it, and reads ~/.bashrc, which may change PATH.
unset SSH_CLIENT SSH2_CLIENT SSH_CONNECTION SSH_TTY

ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
ray stop
# Without this directory, in which Python would look for modules first.
program="import sys; sys.path.remove(''); from gridray.node.rayscript import main; main()"
exec python -c "$program" "$root" start --disable-usage-stats "$@"
