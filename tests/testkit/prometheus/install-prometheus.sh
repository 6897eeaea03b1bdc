#!/bin/sh
# Unpacks Debian's Prometheus and promtool into .prometheus when they are missing, without making
# them a service of this machine; elsewhere says what to install.
set -eu

[ -x .prometheus/usr/bin/promtool ] && exit 0
command -v prometheus >/dev/null && command -v promtool >/dev/null && exit 0
if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
    [ "$(id -u)" -ne 0 ] || apt-get update -qq
    rm -rf .prometheus
    mkdir -p .prometheus/package
    (cd .prometheus/package && apt-get download -qq prometheus)
    dpkg -x .prometheus/package/prometheus_*.deb .prometheus
    rm -r .prometheus/package
    exit 0
fi
[ -n "${TOCSIN_CI:-}" ] || { echo "no prometheus: tests of alert rules will be skipped" >&2; exit 0; }
echo "make prometheus: expected prometheus and promtool on the path; install them with your" \
    "system's package manager" >&2
exit 1
