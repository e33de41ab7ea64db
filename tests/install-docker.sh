#!/bin/sh
# What tests/compose needs, where it is missing: Docker's engine, its compose plugin, debootstrap; then starts the engine.
# As root on Debian; elsewhere Docker must be there.
set -eu

compose_version=v2.40.3

install_packages() {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

command -v docker >/dev/null && command -v dockerd >/dev/null || install_packages docker.io iptables
command -v debootstrap >/dev/null || install_packages debootstrap

if ! docker compose version >/dev/null 2>&1; then
    echo "building Docker's compose plugin $compose_version"
    PATH=$PATH:/usr/local/go/bin # where Go's own installation puts it
    work=$(mktemp -d)
    cd "$work"
    cat > go.mod <<MOD
module compose
go 1.24
require github.com/docker/compose/v2 $compose_version
MOD
    mkdir -p "$HOME/.docker/cli-plugins"
    go get "github.com/docker/compose/v2/cmd@$compose_version"
    go build -o "$HOME/.docker/cli-plugins/docker-compose" github.com/docker/compose/v2/cmd
    cd /
    rm -rf "$work"
fi

if ! docker info >/dev/null 2>&1; then
    echo "starting Docker's engine"
    log=${TMPDIR:-/tmp}/kafkactl-dockerd.log
    setsid dockerd >"$log" 2>&1 &
    tries=0
    until docker info >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -le 60 ] || { tail -n 20 "$log" >&2; exit 1; }
        sleep 0.5
    done
fi
