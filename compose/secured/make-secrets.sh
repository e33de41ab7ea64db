#!/usr/bin/env bash
# Makes the certificates of compose/secured.yml with openssl, once: make-secrets.sh FOLDER
#
#   ca.crt, ca.key                    an authority of this folder's own
#   server.pem                        the broker's key and chain, for kafka-1, localhost and 127.0.0.1
#   admin.crt/.key, alice.crt/.key    clients' certificates, whose common name is the principal
#
# Runs in a container as root, or on the host as the user: the files belong to whoever owns the folder, and in a
# container the broker's to the user BROKER_UID that brokers run as in the image.
set -euo pipefail
umask 077

folder=$1
days=30
mkdir -p "$folder"
cd "$folder"

owned_by() { # by root only: others own what they make
    if [ "$(id -u)" = 0 ]; then chown "$@"; fi
}

signed() { # signed NAME EXTENSIONS: NAME.key and NAME.crt
    openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days $days -out "$1.crt" -extfile <(echo "$2")
    rm "$1.csr"
}

# What lasts another day is kept: clients that know it go on.
if [ -f done ] && openssl x509 -in server.pem -noout -checkend 86400 >/dev/null; then
    exit 0
fi
{
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj "/CN=kafkactl local" -days $days \
        -addext "basicConstraints=critical,CA:true" -addext "keyUsage=critical,keyCertSign,cRLSign"
    signed kafka-1 $'subjectAltName=DNS:kafka-1,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth'
    cat kafka-1.key kafka-1.crt ca.crt > server.pem
    rm kafka-1.key kafka-1.crt
    for client in admin alice; do
        signed $client "extendedKeyUsage=clientAuth"
    done
} 2> openssl.log || { cat openssl.log >&2; exit 1; }
rm openssl.log ca.srl
owned_by "$(stat -c %u:%g .)" ./*
# In a container brokers run as a user of the image; elsewhere nobody else is to have their key.
if [ -n "${BROKER_UID:-}" ]; then owned_by "$BROKER_UID" server.pem; fi
chmod 755 .
chmod 644 ca.crt ./*.crt
touch done
