#!/bin/sh
# The main job from start to end, on a real local broker. `make demo` runs it; it leaves nothing behind.
set -eu
cd "$(dirname "$0")/.."
home=$PWD/.kafkactl-demo
rm -rf "$home"
mkdir -p "$home"
export KAFKACTL_CONFIG="$home/config.yaml" KAFKACTL_DATA="$home/data"

say() { printf '\n# %s\n' "$*"; }
run() {
    printf '\n$ %s\n' "$*"
    sh -c "$*"
}
free_port() {
    python3 - <<'PYTHON'
import socket
for port in range(9092, 9192):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(port)
        break
PYTHON
}

if ! command -v java >/dev/null && ! docker info >/dev/null 2>&1; then
    say "There is no Java and no Docker here, so no broker can be started: this is the part that needs none."
    run "kafkactl dump-log --print-data-log tests/data/orders-0/00000000000000000000.log | head -n 8"
    run "kafkactl dump-log tests/data/orders-0/00000000000000000000.index"
    run "kafkactl dump-log --print-data-log -o json tests/data/orders-0/00000000000000000000.log | tail -n 2"
    rm -rf "$home"
    exit 0
fi

trap 'kafkactl local down --all --wipe >/dev/null 2>&1 || true; rm -rf "$home"' EXIT
trap 'exit 130' INT TERM

say "A real KRaft broker on this machine"
run "kafkactl local up kraft --port $(free_port) --log-dir .kafkactl-demo/logs"
run "kafkactl local status"

say "A topic, and 2,000 keyed lines from a file"
run "kafkactl topics create orders --partitions 3 --config retention.ms=86400000"
run "kafkactl topics describe orders"
run "seq 1 2000 | awk '{ print \"customer-\" (\$1 % 97) \":order \" \$1 }' > .kafkactl-demo/orders.txt"
run "kafkactl console-producer orders --from-file .kafkactl-demo/orders.txt --key-separator : --compression-codec lz4"

say "A consumer group reads three quarters of them; its lag; then the rest"
run "kafkactl console-consumer orders --group billing --from-beginning --max-messages 1500 --property print.key=true | tail -n 3"
run "kafkactl groups describe billing --lag"
run "kafkactl console-consumer orders --group billing --from-beginning --exit | tail -n 3"
run "kafkactl groups describe billing --lag"

say "A config, read, changed and read again"
run "kafkactl configs describe topics orders"
run "kafkactl configs alter topics orders --set retention.ms=3600000"
run "kafkactl configs describe topics orders"

say "The segment that the broker wrote, read from its disk"
segment=$(kafkactl local status -o json | sed -n 's/.*"log_dir": "\(.*\)".*/\1/p')/orders-0/00000000000000000000.log
segment=${segment#"$PWD/"}
run "kafkactl dump-log $segment"
run "kafkactl dump-log --print-data-log $segment | sed -n '3,7p'"

run "kafkactl local down --wipe"
