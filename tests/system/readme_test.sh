#!/usr/bin/env bash
# The session of the README, with every command succeeding and the outputs that it promises.
# usage: readme_test.sh BIN_DIR SOURCE_DIR        exit 0 passed, 1 failed
set -euo pipefail
bin=$1
source_dir=$2
scratch=$(mktemp -d "${TMPDIR:-/tmp}/sluice-readme.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# shellcheck disable=SC2016  # A literal $PWD.
sed -n '/^```sh session$/,/^```$/p' "$source_dir/README.md" | sed '/^```/d' |
    sed "s#\$PWD/build/release/bin#$bin#; s#/tmp/sluice-try#$scratch/try#g" >"$scratch/session"
[ -s "$scratch/session" ] || { echo "README.md has no block 'sh session'"; exit 1; }
# Job control, for the session's "kill %1"; an error in the middle must not leave the daemon behind.
cat >"$scratch/script" <<END
set -euo pipefail -m
trap 'kill \$(jobs -p) 2>/dev/null || true' EXIT
$(cat "$scratch/session")
wait
END
if ! timeout --kill-after=5 60 bash "$scratch/script" >"$scratch/output" 2>"$scratch/errors" </dev/null; then
    echo "the session failed:"
    cat "$scratch/output" "$scratch/errors"
    exit 1
fi
for expected in 'payment was late' '4711' 'no stock' '^hello$' '1000'; do
    grep -q -- "$expected" "$scratch/output" || { echo "no '$expected' in:"; cat "$scratch/output"; exit 1; }
done
