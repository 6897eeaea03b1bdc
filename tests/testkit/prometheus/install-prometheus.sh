#!/bin/sh
# Unpacks Debian's Prometheus, promtool and Alertmanager into .prometheus when they are missing,
# without making them services of this machine; elsewhere says what to install.
set -eu

there() {
    [ -x ".prometheus/usr/bin/$1" ] || command -v "$1" >/dev/null
}

[ ! -x .prometheus/usr/bin/promtool ] || [ -x .prometheus/usr/bin/prometheus-alertmanager ] ||
    rm -rf .prometheus # unpacked before Alertmanager was asked for
if there promtool && there prometheus && { there prometheus-alertmanager || there alertmanager; }; then
    exit 0
fi

unpack() {
    [ "$(id -u)" -ne 0 ] || apt-get update -qq
    rm -rf .prometheus
    mkdir -p .prometheus/package
    (cd .prometheus/package && apt-get download -qq prometheus prometheus-alertmanager) || return 1
    for package in .prometheus/package/*.deb; do
        dpkg -x "$package" .prometheus || return 1
    done
    rm -r .prometheus/package
    # Debian's Alertmanager reads its templates below /usr/share; the same number of bytes lets it
    # read what was unpacked, from the folder that it is started in.
    LC_ALL=C sed -i 's|/usr/share/prometheus/alertmanager|usr/share/prometheus/alertmanager/|g' \
        .prometheus/usr/bin/prometheus-alertmanager
}

if command -v apt-get >/dev/null && command -v dpkg >/dev/null && unpack; then
    exit 0
fi
echo "no prometheus: tests of alert rules and of notices to Alertmanager will be skipped; install" \
    "prometheus, promtool and alertmanager with your system's package manager" >&2
