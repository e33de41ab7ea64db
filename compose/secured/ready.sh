#!/usr/bin/env bash
# Whether the broker of compose/secured.yml serves, SCRAM users included: its health check. ready.sh FOLDER-OF-JARS
#
# The image formats its storage without users, so they are made over the wire once the broker answers.
set -euo pipefail

made=/tmp/scram-users-made
exec 3<>/dev/tcp/127.0.0.1/9092
[ -f $made ] && exit 0
# In files of our own (mktemp): others can read a command line.
login=$(mktemp)
credential=$(mktemp)
trap 'rm -f "$login" "$credential"' EXIT
cat > "$login" <<LOGIN
security.protocol=SASL_SSL
sasl.mechanism=PLAIN
sasl.jaas.config=$KAFKA_LISTENER_NAME_INTERNAL_PLAIN_SASL_JAAS_CONFIG
ssl.truststore.type=PEM
ssl.truststore.location=/etc/kafka/secrets/ca.crt
LOGIN
for user in ${SCRAM_USERS//,/ }; do
    echo "SCRAM-SHA-512=password=${user#*=}" > "$credential"
    java -cp "$1/*" kafka.admin.ConfigCommand --bootstrap-server kafka-1:19092 --command-config "$login" --alter \
        --entity-type users --entity-name "${user%%=*}" --add-config-file "$credential" >/dev/null
done
touch $made
