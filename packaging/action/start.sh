#!/usr/bin/env bash
# Installs kmipd and starts a server for a job; writes host, port, ca, cert, key and pid to GITHUB_OUTPUT.
set -euo pipefail
folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/kmipd-XXXXXX")
ready="$folder/ready.json"
log="$folder/server.log"
[ -z "${KMIP_ACTION_INSTALL:-}" ] || python3 -m pip install --quiet --disable-pip-version-check "$KMIP_ACTION_INSTALL"

# The options are words of the workflow's author; they are split at spaces and not evaluated.
read -r -a options <<<"${KMIP_ACTION_OPTIONS:-}"
nohup python3 -m kmip_app serve --ephemeral --hostname 127.0.0.1 --port "${KMIP_ACTION_PORT:-0}" --ready-file "$ready" \
    ${options[@]+"${options[@]}"} >"$log" 2>&1 &
server=$!

for _ in $(seq 600); do
    [ -s "$ready" ] && break
    if ! kill -0 "$server" 2>/dev/null; then
        break
    fi
    sleep 0.1
done
if [ ! -s "$ready" ]; then
    echo "::error::kmipd has not started" >&2
    cat "$log" >&2
    exit 1
fi
python3 - "$ready" >>"${GITHUB_OUTPUT:-/dev/stdout}" <<'PYTHON'
import json, sys

ready = json.load(open(sys.argv[1]))
for name in ("host", "port", "ca", "cert", "key", "pid"):
    print(f"{name}={ready[name]}")
PYTHON
echo "kmipd serves KMIP; its log is $log"
