#!/bin/sh
# Installs Java and Maven on Debian when they are missing; elsewhere says what to install.
set -eu

missing=""
command -v java >/dev/null || missing="default-jre-headless"
command -v mvn >/dev/null || missing="$missing maven"
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of package names
    apt-get install -y -qq --no-install-recommends $missing
    exit 0
fi
echo "make java: expected Java 17 or newer and Maven, missing:$missing;" \
    "install them with your system's package manager (Debian: as root, apt-get install $missing)" >&2
exit 1
