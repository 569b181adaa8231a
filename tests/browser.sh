#!/usr/bin/env bash
# Chromium, which tests of pages drive, where it is missing and Debian's packages can be installed.
set -uo pipefail
command -v chromium >/dev/null || command -v chromium-browser >/dev/null && exit 0
say='tests of pages need Chromium, and it cannot be installed here; install it as "chromium":'
if ! command -v apt-get >/dev/null; then echo "$say there is no apt-get" >&2; exit 0; fi
run=''; [ "$(id -u)" = 0 ] || run='sudo -n'
log=$(mktemp)
if ! { $run apt-get -qq update && $run env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install -y --no-install-recommends chromium; } >"$log" 2>&1; then
  echo "$say $(tail -n 1 "$log")" >&2
fi
rm -f "$log"
