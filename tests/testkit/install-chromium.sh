#!/bin/sh
# Installs Chromium on Debian when it is missing; elsewhere says what to install.
set -eu

command -v chromium >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk
    exit 0
fi
[ -n "${TOCSIN_CI:-}" ] || { echo "no chromium: tests of pages will be skipped" >&2; exit 0; }
echo "make browser: expected chromium on the path; install it with your system's package manager" >&2
exit 1
