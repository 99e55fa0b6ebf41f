#!/bin/sh
# Makes the pictures of the cockpit from a real run: the end-to-end test deploys the sample shop
# with the real engine and saves the screen at five moments. Needs docker with compose v2, and Go.
#
#   docs/pictures/make.sh            writes docs/pictures/*.svg
#   docs/pictures/make.sh DIRECTORY  writes them there
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here}
mkdir -p -- "$out"
out=$(CDPATH='' cd -- "$out" && pwd)

cd -- "$here/../.."
FLIGHTDECK_REQUIRE_DOCKER=1 FLIGHTDECK_PICTURES=$out go test ./internal/e2e -run 'TestEndToEnd/v2' -count=1

for name in deploy failing rollback rolled-back "done"; do
    if ! [ -s "$out/$name.svg" ]; then
        echo "make.sh: $out/$name.svg was not written" >&2
        exit 1
    fi
done
ls -l -- "$out"
