#!/usr/bin/env bash
# What sluiced and journald know of processes that end at once: 1,000 `logger` in a service of a systemd that runs in a
# container, to each.  For intake_compare.py --short-lived; prints a JSON object per daemon.
# usage: short_lived.sh PROGRAMS       exit 77: skipped, with the reason
# shellcheck disable=SC2154,SC1091  # Variables come from container.sh.
set -euo pipefail
programs=$1
# shellcheck source=tests/system/container.sh
. "$(dirname "$0")/../tests/system/container.sh"
trap container_down EXIT
trap 'exit 1' TERM INT

container_up
cp "$programs/sluice" "$programs/sluiced" "$container_root/usr/local/bin/"
private=/run/sluice-test
inside systemd-run --quiet --unit=sluiced-test -p LimitMEMLOCK=64M /usr/local/bin/sluiced --private "$private"
for ((i = 0; i < 100; i++)); do
    inside /usr/local/bin/sluice --socket "$private/sluice.sock" status >/dev/null 2>&1 && break
    sleep 0.1
done

# loop UNIT LOGGER-ARGUMENTS...: waits for the end of the service.
loop() {
    local unit=$1
    shift
    # shellcheck disable=SC2016  # The service's shell replaces it.
    inside systemd-run --quiet --wait --unit="$unit" sh -c \
        'i=0; while [ $i -lt 1000 ]; do logger "$@" -t short "number $i"; i=$((i + 1)); done' sh "$@"
}
loop short-lived-1 -u "$private/syslog"
loop short-lived-2
sleep 1
inside /usr/local/bin/sluice --socket "$private/sluice.sock" tail --all --stream short --output json >"$container_dir/sluice.json"
inside journalctl --no-pager -t short -o json >"$container_dir/journald.json"

python3 -B - "$container_dir" <<'PYTHON'
import collections
import json
import sys

for daemon, names in (("sluice", ("_comm", "_exe", "_unit")), ("journald", ("_COMM", "_EXE", "_SYSTEMD_UNIT"))):
    with open(f"{sys.argv[1]}/{daemon}.json", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    right = ("logger", "/usr/bin/logger", None)
    known = [sum(record.get(name) == value if value else name in record for record in records)
             for name, value in zip(names, right)]  # fmt: skip
    wrong = sum(record.get(names[0], "logger") != "logger" for record in records)
    sure = collections.Counter(record.get("_sender") for record in records if "_sender" in record)
    more = ", ".join([f"{count} {word}" for word, count in sorted(sure.items())] + [f"{wrong} of another process"])
    print(json.dumps({"daemon": daemon, "records": len(records), "comm": known[0], "exe": known[1], "unit": known[2],
                      "more": more}))  # fmt: skip
PYTHON
