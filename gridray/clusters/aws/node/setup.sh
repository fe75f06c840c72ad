#!/usr/bin/env bash
# Installs Gridray and Ray on this node, into an environment of their own: ~/.gridray-node/env.
# What is installed is beside this script: a wheel, constraints.txt and python-version.
set -euo pipefail

files=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$files")
env=$root/env
stamp=$env/gridray-stamp
attempts=${GRIDRAY_SETUP_ATTEMPTS:-5}
pause=${GRIDRAY_SETUP_PAUSE:-2}

fail() {
    echo "gridray: this node cannot be set up: $*" >&2
    exit 1
}

# Does something that needs the network, again and again: retried WHAT COMMAND...
retried() {
    local what=$1 attempt wait=$pause
    shift
    for ((attempt = 1; attempt <= attempts; attempt++)); do
        "$@" && return
        if ((attempt < attempts)); then
            echo "gridray: $what failed, attempt $attempt of $attempts; again in $wait s" >&2
            sleep "$wait"
            wait=$((wait * 2))
        fi
    done
    fail "$what failed $attempts times; the last error is above"
}

fetch_uv() {
    curl -LsSf --max-time 120 https://astral.sh/uv/install.sh |
        env UV_INSTALL_DIR="$root/uv" UV_NO_MODIFY_PATH=1 sh
}

[[ -n ${HOME:-} ]] || fail "HOME is not set"
wheels=("$files"/gridray-*.whl)
[[ ${#wheels[@]} -eq 1 && -f ${wheels[0]} ]] || fail "there is not one wheel of Gridray in $files"
python=$(<"$files/python-version") || fail "$files/python-version is missing"
wanted=$(cat "${wheels[0]}" "$files/constraints.txt" "$files/python-version" | sha256sum)

if [[ -x $env/bin/ray && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    echo "gridray: this node has it all already"
    exit 0
fi

export PATH=$PATH:$root/uv:$HOME/.local/bin
if ! command -v uv >/dev/null; then
    command -v curl >/dev/null || fail "it has neither uv nor curl; take an image that has one"
    retried "fetching uv from https://astral.sh" fetch_uv
fi

# A set-up that was cut off leaves no stamp.
rm -f "$stamp"
retried "making an environment with Python $python" \
    uv venv --quiet --clear --no-project --python "$python" "$env"
retried "installing ${wheels[0]##*/}" \
    uv pip install --quiet --compile-bytecode --python "$env/bin/python" \
    --reinstall-package gridray --constraints "$files/constraints.txt" "${wheels[0]}"
"$env/bin/python" -I -c "import gridray, ray" || fail "what was installed cannot be imported"
echo "$wanted" >"$stamp"
echo "gridray: set up with $("$env/bin/ray" --version)"
