#!/bin/sh
# Unpacks Debian's PostgreSQL into .postgres when it is missing, without making it a service of this
# machine; elsewhere says what to install.
set -eu

command -v initdb >/dev/null && exit 0
for there in /usr/lib/postgresql/*/bin/initdb .postgres/usr/lib/postgresql/*/bin/initdb; do
    [ ! -x "$there" ] || exit 0
done

unpack() {
    [ "$(id -u)" -ne 0 ] || apt-get update -qq
    rm -rf .postgres
    mkdir -p .postgres/package
    server=$(apt-cache depends postgresql | awk '/Depends: postgresql-[0-9]/ {print $2}')
    client=$(echo "$server" | sed 's/postgresql-/postgresql-client-/')
    (cd .postgres/package && apt-get download -qq "$server" "$client" libpq5) || return 1
    for package in .postgres/package/*.deb; do
        dpkg -x "$package" .postgres || return 1
    done
    rm -r .postgres/package
}

if command -v apt-get >/dev/null && command -v dpkg >/dev/null && unpack; then
    exit 0
fi
echo "no PostgreSQL: tests of a history in it will be skipped; install its server with your" \
    "system's package manager" >&2
