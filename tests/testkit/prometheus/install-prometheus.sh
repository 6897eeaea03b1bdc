#!/bin/sh
# Unpacks Debian's Prometheus and promtool into .prometheus when they are missing, without making
# them a service of this machine; elsewhere says what to install.
set -eu

[ -x .prometheus/usr/bin/promtool ] && exit 0
command -v prometheus >/dev/null && command -v promtool >/dev/null && exit 0

unpack() {
    [ "$(id -u)" -ne 0 ] || apt-get update -qq
    rm -rf .prometheus
    mkdir -p .prometheus/package
    (cd .prometheus/package && apt-get download -qq prometheus) || return 1
    dpkg -x .prometheus/package/prometheus_*.deb .prometheus || return 1
    rm -r .prometheus/package
}

if command -v apt-get >/dev/null && command -v dpkg >/dev/null && unpack; then
    exit 0
fi
echo "no prometheus: tests of alert rules will be skipped; install prometheus and promtool with" \
    "your system's package manager" >&2
