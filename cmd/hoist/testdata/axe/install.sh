#!/bin/sh
# Installs axe-core outside the tree (AXE_CACHE chooses where) exactly as locked, and prints the path of its script:
# the tests of the page read it where HOIST_AXE names it. Needs npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${AXE_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/hoist/axe}
script=$cache/node_modules/axe-core/axe.min.js
mkdir -p "$cache"
if ! cmp -s "$here/package-lock.json" "$cache/package-lock.json" || [ ! -f "$script" ]; then
	cp "$here/package.json" "$here/package-lock.json" "$cache/"
	(cd "$cache" && npm ci --no-audit --no-fund --loglevel=error >&2)
fi
echo "$script"
