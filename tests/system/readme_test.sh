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
# Each command is named in front of what it prints.
while IFS= read -r line; do
    case $line in
        '' | '#'*) ;;
        *) printf 'echo %q\n%s\n' "== $line" "$line" ;;
    esac
done <"$scratch/session" >"$scratch/named"
# Job control, for the session's "kill %1"; an error in the middle must not leave the daemon behind.
cat >"$scratch/script" <<END
set -euo pipefail -m
trap 'kill \$(jobs -p) 2>/dev/null || true' EXIT
$(cat "$scratch/named")
wait
END
if ! timeout --kill-after=5 60 bash "$scratch/script" >"$scratch/output" 2>"$scratch/errors" </dev/null; then
    echo "the session failed:"
    cat "$scratch/output" "$scratch/errors"
    exit 1
fi

# prints PART_OF_A_COMMAND LINES PATTERN: so many lines, and one of them matches.
prints() {
    local section
    section=$(awk -v command="$1" '/^== / { on = index($0, command) > 0; next } on' "$scratch/output")
    if [ "$(grep -c . <<<"$section")" != "$2" ] || ! grep -Eq -- "$3" <<<"$section"; then
        echo "'$1' does not print $2 lines with '$3':"
        cat "$scratch/output"
        exit 1
    fi
}
prints 'tail -n 10 --stream numbers' 10 'numbers.* 1000'
prints 'tail -n 10 --field order=4711' 1 'shop.* warning: payment was late .*order=4711'
prints "tail -n 3 'job or library or stock' --output json" 3 '"stream":"cron","message":"job done","syslog_facility":"4"'
prints 'tail -n 10 --grep stock --output json' 1 '"severity":"err".*"message":"no stock","order":4712'
prints 'sluice get files:greeting' 1 '^hello$'
tr -s ' \n' ' ' <"$scratch/output" | grep -Eq 'records stored 100[0-9]' || { echo "status tells no records:"; cat "$scratch/output"; exit 1; }
