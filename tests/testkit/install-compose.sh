#!/bin/sh
# Builds the checker of the library with which `docker compose` reads its files into .compose, from
# the Go module, when there is no `docker compose`; elsewhere says what to install.
set -eu

VERSION=v2.9.1 # of docker compose 2.40.3

if docker compose version >/dev/null 2>&1 || [ -x .compose/compose-spec ]; then
    exit 0
fi
if command -v go >/dev/null &&
    GOBIN="$PWD/.compose" GOTOOLCHAIN=local CGO_ENABLED=0 \
        timeout 300 go install "github.com/compose-spec/compose-go/v2/cmd@$VERSION" 2>/dev/null; then
    mv .compose/cmd .compose/compose-spec
    exit 0
fi
echo "no docker compose and no Go to build its checker: the test of deploy/compose against its" \
    "schema will be skipped; install either" >&2
