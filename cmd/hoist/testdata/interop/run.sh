#!/bin/sh
# Runs the public APS clients from npm against hoist emulator: a line a check, exit 1 when one failed.
# Needs go, node and npm. The packages are installed outside the tree (INTEROP_CACHE chooses where) exactly as locked.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
cache=${INTEROP_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/hoist/interop}
work=$(mktemp -d)
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkdir -p "$cache"
if ! cmp -s "$here/package-lock.json" "$cache/package-lock.json" || [ ! -d "$cache/node_modules/forge-server-utils" ]; then
	cp "$here/package.json" "$here/package-lock.json" "$cache/"
	(cd "$cache" && npm ci --no-audit --no-fund --loglevel=error >&2)
fi

(cd "$root" && go build -o "$work/hoist" ./cmd/hoist)
"$work/hoist" emulator --data "$work/data" >"$work/env" 2>"$work/log" &
pid=$!
tries=0
until grep -q '^$' "$work/env"; do
	tries=$((tries + 1))
	if [ $tries -gt 100 ] || ! kill -0 "$pid" 2>/dev/null; then
		echo "the emulator did not start" >&2
		cat "$work/log" >&2
		exit 1
	fi
	sleep 0.1
done
while IFS='=' read -r name value; do
	[ -n "$name" ] || continue
	export "$name=$value"
done <"$work/env"
INTEROP_MODULES=$cache node "$here/run.mjs"
