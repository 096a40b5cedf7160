#!/usr/bin/env bash
# sluiced as a service of a real systemd: socket activation, readiness, sandbox, watchdog, reload, stop.
# usage: systemd_test.sh BUILD_DIR       exit 0 passed, 1 failed, 77 skipped with the reason
# shellcheck disable=SC2317,SC2154,SC1091  # Functions are called through check(); variables come from container.sh.
set -uo pipefail
build_dir=$1
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$build_dir/CMakeCache.txt")
units=$prefix/lib/systemd/system
# shellcheck source=tests/system/container.sh
. "$(dirname "$0")/container.sh"
trap container_down EXIT
trap 'exit 1' TERM INT
failed=0

# check CLAIM COMMAND...
check() {
    local claim=$1
    shift
    if "$@"; then
        echo "ok   - $claim"
    else
        echo "FAIL - $claim"
        failed=1
    fi
}

# within SECONDS COMMAND...: polls until it succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

property() { inside systemctl show -p "$2" --value "$1"; }
is() { [ "$(property "$1" "$2")" = "$3" ]; }
is_not() { [ "$(property "$1" "$2")" != "$3" ]; }
main_pid() { property sluiced MainPID; }
client() { inside "$prefix/bin/sluice" "$@"; }
log_durable() { client log --stream test --ack durable "$1" >/dev/null; }
messages() { client tail -n 1000 --stream test --output cat; }
count_is() { [ "$(messages | wc -l)" -eq "$1" ]; }
journal_has() { grep -qi -- "$1" <<<"$(inside journalctl -u sluiced -o cat --no-pager)"; }
has_trusted_uid() { [[ $(client tail -n 1 --stream test --output json) == *'"_uid":0'* ]]; }
runs_unprivileged() {
    local uid
    uid=$(inside ps -o uid= -p "$(main_pid)") && [ "${uid// /}" -ne 0 ]
}
is_refused() { ! "$@" >/dev/null 2>&1; }

run_install() { DESTDIR=$container_root cmake --install "$build_dir"; }

# As docs/operations.md says.
install_sluice() {
    local drop_in=$container_root/etc/systemd/system/sluiced.service.d
    run_install >"$container_dir/install.log" || return 1
    config=$container_root/etc/sluice/sluiced.yaml
    cp "$config" "$container_dir/defaults.yaml"
    program=$(sed -n 's/^ExecStart=[-@:+!]*\([^ ]*\).*/\1/p' "$container_root$units/sluiced.service")
    # A hang must be found within this test, not within 30 s; a drain takes longer than the time it has.
    mkdir -p "$drop_in"
    printf '[Service]\nWatchdogSec=2s\nTimeoutStopSec=2s\n' >"$drop_in/test.conf"
    inside systemd-sysusers && inside systemctl daemon-reload
}

# An edited configuration survives the next installation.
keeps_configuration() {
    echo '# edited' >>"$config"
    run_install >"$container_dir/install.log" && tail -n 1 "$config" | grep -qx '# edited'
}

verify_units() {
    local said
    said=$(inside systemd-analyze verify --man=no "$units"/sluiced.{service,socket} 2>&1 |
        grep -E 'sluiced\.(service|socket)')
    [ -z "$said" ] || { echo "$said"; return 1; }
}

# 6: an exposure level of 0.6 on systemd's scale of 0 to 10.
exposure_is_low() { inside systemd-analyze security --no-pager --threshold=6 sluiced.service >/dev/null; }

test_activation() {
    inside systemctl enable --now sluiced.socket
    check "the socket listens and the service is not started yet" is sluiced ActiveState inactive
    check "the first record starts the service and becomes durable" log_durable one
    check "Type=notify: the service is active" is sluiced ActiveState active
    check "STATUS= is shown" is_not sluiced StatusText ""
    check "the record can be tailed" count_is 1
    check "it has the trusted uid of its sender" has_trusted_uid
    check "the daemon does not run as root" runs_unprivileged
}

test_restarts() {
    local before
    inside systemctl restart sluiced
    check "records survive a restart" count_is 1
    check "and new ones follow" log_durable two
    before=$(main_pid)
    inside systemctl kill --signal=KILL sluiced
    check "after SIGKILL a waiting client is served by the next process" log_durable three
    check "which is another process" is_not sluiced MainPID "$before"
    check "nothing was lost or doubled" count_is 3
}

test_watchdog() {
    local before
    before=$(main_pid)
    inside kill -STOP "$before"
    check "a daemon that hangs is replaced" within 20 is_not sluiced MainPID "$before"
    check "and serves again" within 20 log_durable four
    check "the journal says that it was the watchdog" within 5 journal_has "watchdog timeout"
    check "records are still there, once" count_is 4
}

test_reload() {
    local before
    before=$(main_pid)
    echo '# a comment more' >>"$config"
    inside systemctl reload sluiced
    check "a good configuration is reloaded" within 10 is sluiced ActiveState active
    check "by the same process" is sluiced MainPID "$before"
    echo 'no_such_setting: 1' >>"$config"
    check "a bad configuration fails the reload" is_refused inside systemctl reload sluiced
    check "a bad configuration is reported with its name and place" within 10 journal_has 'sluiced.yaml:[0-9]*:[0-9]*: .*no_such_setting'
    check "the process goes on with the old one" is sluiced MainPID "$before"
    check "and serves" log_durable five
    check "--check-config refuses it" is_refused inside "$program" --check-config
    cp "$container_dir/defaults.yaml" "$config"
    sed -i 's/^\( *mode:\).*/\1 "0600"/; s/^\( *level:\).*/\1 debug/' "$config"
    check "a configuration that needs a restart in part is reloaded" inside systemctl reload sluiced
    check "and says which part" within 10 journal_has "need a restart, .*listen.mode"
    check "the rest is applied" journal_has "log.level: info -> debug"
    cp "$container_dir/defaults.yaml" "$config"
    inside systemctl reload sluiced
}

# The example of `listeners` that sluiced --print-defaults has, under the socket unit.
test_listeners_of_the_configuration() {
    local segments
    inside systemctl start sluiced.socket
    sed -e '/^listeners: \[\]$/d' -e '/^#   listeners:$/,/^#     - {name: json/s/^#   //' "$container_dir/defaults.yaml" >"$config"
    check "the example is a configuration" grep -q '^  - {name: journal' "$config"
    check "the service starts with it" inside systemctl restart sluiced.service
    check "a program logs to one of its sockets" inside logger -u /run/sluice/syslog -t example "hello"
    check "and the record is there" within 10 has_messages example 1
    inside systemctl stop sluiced.service
    segments=$(stored_files)
    sed -i 's,/run/sluice/json,/run/elsewhere/json,' "$config"
    inside mkdir -p /run/elsewhere
    check "a socket that may not be made fails the start" is_refused inside systemctl start sluiced.service
    check "with exit code 3" is sluiced ExecMainStatus 3
    check "once" is sluiced NRestarts 0
    check "and writes nothing" test "$(stored_files)" = "$segments"
    inside systemctl stop sluiced.socket sluiced.service
    inside systemctl reset-failed sluiced.service
    cp "$container_dir/defaults.yaml" "$config"
}
stored_files() { inside find /var/lib/sluice/store -type f | sort; }

# A reader that has stopped in the middle holds a stop up for all of shutdown.drain_timeout.
test_long_drain() {
    local reader
    sed -i 's/^\( *drain_timeout:\).*/\1 5 s/' "$config"
    inside systemctl restart sluiced
    yes "$(printf '%100s' x)" | head -n 200000 | client log --stream large
    # shellcheck disable=SC2216  # It is not to read.
    client tail --all --stream large --output cat | sleep 25 &
    reader=$!
    sleep 1
    check "a drain that takes longer than TimeoutStopSec" inside systemctl stop sluiced.service
    check "is not killed" is sluiced Result success
    check "because it asked for more time" is sluiced ExecMainStatus 0
    check "and it did wait for its reader" journal_has "did not finish their requests"
    kill "$reader" 2>/dev/null
    cp "$container_dir/defaults.yaml" "$config"
}

test_stop() {
    log_durable six
    check "it stops within its time" inside systemctl stop sluiced.socket sluiced.service
    check "cleanly" is sluiced Result success
    check "with exit code 0" is sluiced ExecMainStatus 0
    inside systemctl start sluiced.socket
    check "all records are there after a new start" count_is 6
    check "in order" test "$(messages | tr '\n' ' ')" = "one two three four five six "
    inside systemctl stop sluiced.socket sluiced.service
}

# A program that knows nothing of sluice, in a unit of its own.
test_listeners() {
    local record
    inside systemctl enable --now sluiced-syslog.socket sluiced-journal.socket
    check "sockets of listeners can be enabled" is sluiced-syslog.socket ActiveState active
    check "a program logs to one before the daemon runs" \
        inside systemd-run --wait --quiet --unit=speaker logger -u /run/sluice/syslog -t greeter "hello from a unit"
    check "the daemon is started for it" within 10 is sluiced ActiveState active
    check "and has the record" within 10 has_messages greeter 1
    record=$(client tail -n 1 --stream greeter --output json)
    check "with the user of its sender" grep -q '"_uid":0' <<<"$record"
    check "a unit logs while the daemon runs" inside systemd-run --wait --quiet --unit=talker \
        sh -c 'logger -u /run/sluice/syslog -t talk one; sleep 0.2; logger -u /run/sluice/syslog -t talk two'
    check "and both records are there" within 10 has_messages talk 2
    record=$(client tail -n 1 --stream talk --output json)
    check "with the unit of a sender that has ended" grep -q '"_unit":"talker.service"' <<<"$record"
    check "and how sure that is" grep -qE '"_sender":"(pidfd|kernel)"' <<<"$record"
    inside systemctl stop sluiced-syslog.socket sluiced-journal.socket sluiced.socket sluiced.service
    inside systemctl disable sluiced-syslog.socket sluiced-journal.socket
}
has_messages() { [ "$(client tail -n 1000 --stream "$1" --output cat | wc -l)" -eq "$2" ]; }

# Programs that log into a stream notice nothing of a restart: a service by its standard output, another by syslog.
test_streams_over_restarts() {
    local i chatter=/usr/local/lib/chatter.py
    cp "$(dirname "$0")/chatter.py" "$container_root$chatter"
    inside systemctl enable --now sluiced-stdout.socket sluiced-syslog-stream.socket sluiced.socket
    inside systemctl start sluiced.service
    inside systemd-run --quiet --unit=chatter --property=BindPaths=/run/sluice/stdout:/run/systemd/journal/stdout \
        systemd-cat -t chatter python3 -B "$chatter" - /run/stop /run/chatter.count
    inside systemd-run --quiet --unit=talker python3 -B "$chatter" /run/sluice/syslog-stream /run/stop /run/talker.count
    check "a stream of a service is kept by systemd" within 20 is sluiced NFileDescriptorStore 2
    for i in 1 2 3 4 5; do
        if ! within 20 has_more_lines chatter || ! within 20 has_more_lines talker; then
            break
        fi
        inside systemctl restart sluiced
    done
    check "under load it is restarted five times" test "$i" -eq 5
    check "and the same streams go on" within 20 has_more_lines chatter
    check "which systemd keeps still" is sluiced NFileDescriptorStore 2
    inside touch /run/stop
    for i in chatter talker; do
        check "$i could write all the time" within 20 wrote_all "$i"
        check "every line of $i is there once, in order" within 20 has_all_lines "$i"
    done
    check "streams that have ended are not kept" within 20 is sluiced NFileDescriptorStore 0
    check "nor is what was known of them" test -z "$(inside ls /run/sluice/streams)"
    inside rm /run/stop
}
lines_of() { client tail --all --stream "$1" --output cat; }
last_line_of() { client tail -n 1 --stream "$1" --output cat; }
declare -A lines_seen=()
has_more_lines() {
    local now
    now=$(last_line_of "$1")
    now=${now#line }
    [ "${now:-0}" -gt $((${lines_seen[$1]:-0} + 100)) ] && lines_seen[$1]=$now
}
wrote_all() { inside grep -qx '[0-9]*' "/run/$1.count"; }
has_all_lines() {
    lines_of "$1" >"$container_dir/$1.lines"
    seq --format='line %.0f' "$(inside cat "/run/$1.count")" >"$container_dir/$1.expected"
    cmp -s "$container_dir/$1.lines" "$container_dir/$1.expected"
}

# What a killed daemon had in its hands is lost, and the streams are not.
test_streams_over_a_kill() {
    local before
    inside systemd-run --quiet --unit=chatter2 --property=BindPaths=/run/sluice/stdout:/run/systemd/journal/stdout \
        systemd-cat -t survivor python3 -B /usr/local/lib/chatter.py - /run/stop /run/survivor.count
    check "another service logs" within 20 has_more_lines survivor
    check "and is kept" within 20 is sluiced NFileDescriptorStore 1
    before=$(main_pid)
    inside systemctl kill --signal=KILL sluiced
    check "after SIGKILL there is another process" within 20 is_not sluiced MainPID "$before"
    check "to which the service goes on logging" within 20 has_more_lines survivor
    inside touch /run/stop
    check "without an error" within 20 wrote_all survivor
    check "to its last line" within 20 has_last_line survivor
    # The end of a line whose beginning is lost is a record, too.
    check "of which none comes twice" test -z "$(lines_of survivor | grep '^line ' | sort | uniq -d)"
    inside rm /run/stop
}
has_last_line() { [ "$(last_line_of "$1")" = "line $(inside cat "/run/$1.count")" ]; }

# systemd keeps nothing for a service that is stopped and not restarted.
test_streams_over_a_stop() {
    inside systemd-run --quiet --unit=half --property=BindPaths=/run/sluice/stdout:/run/systemd/journal/stdout \
        systemd-cat -t half sh -c 'echo whole; printf half; exec sleep 60'
    check "a service has written half a line" within 20 has_messages half 1
    inside systemctl stop sluiced-stdout.socket sluiced-syslog-stream.socket sluiced.socket sluiced.service
    check "its stream ends with a stop" is sluiced NFileDescriptorStore 0
    inside systemctl start sluiced.socket sluiced-stdout.socket sluiced.service
    check "and what it had begun is a record of the next start" within 20 has_messages half 2
    check "as it was" test "$(last_line_of half)" = half
    check "once: it is not known any more" test -z "$(inside ls /run/sluice/streams)"
    inside systemctl stop half.service sluiced-stdout.socket sluiced.socket sluiced.service
    inside systemctl disable sluiced-stdout.socket sluiced-syslog-stream.socket
}

container_up
if ! install_sluice; then
    echo "FAIL - installing"
    exit 1
fi
check "systemd-analyze verify accepts the units" verify_units
check "an edited configuration is kept" keeps_configuration
check "the exposure level is at most 0.6" exposure_is_low
# The container's disk is smaller than what retention would keep free: nothing would be left to read.
sed -i 's/^\( *keep_free:\).*/\1 0/' "$config" "$container_dir/defaults.yaml"
test_activation
test_restarts
test_watchdog
test_reload
test_long_drain
test_stop
test_listeners
test_streams_over_restarts
test_streams_over_a_kill
test_streams_over_a_stop
test_listeners_of_the_configuration
if [ $failed -ne 0 ]; then
    echo "---- the journal of the container"
    inside journalctl --no-pager -o short-monotonic -n 100
fi
exit $failed
