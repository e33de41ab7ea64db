#!/bin/sh
# Completion is tested in real shells: installs those that are missing, where that can be done unasked.
set -eu
missing=""
for shell in bash zsh fish; do
    command -v "$shell" >/dev/null || missing="$missing $shell"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing$missing for the completion tests"
    # shellcheck disable=SC2086
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing; } >/dev/null
else
    echo "missing:$missing; the completion tests will fail until they are installed" >&2
fi
