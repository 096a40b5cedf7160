# A real systemd as PID 1 of a container over an overlay of this machine's root; nothing of the machine is changed.
# Sourced by the tests of this folder.  Needs root, overlayfs and systemd-nspawn.
#   container_up      boots; sets $container_root (the root directory seen from outside).  Calls skip() where the machine
#                     lacks something, by name.
#   inside CMD...     runs a command in the container, for 30 s at most
#   container_down    powers off and removes everything; for a trap on EXIT
# shellcheck shell=bash

skip() {
    echo "skipped: $*"
    exit 77
}

container_dir=
container_root=
container_init=   # PID 1 of the container, seen from outside
container_nspawn=
container_name=sluice-test-$$

container_cgroups() {  # Its own cgroup in each hierarchy that systemd uses, so that the machine's are not touched.
    local hierarchy
    for hierarchy in systemd/ unified/ ''; do
        [ -f "/sys/fs/cgroup/${hierarchy}cgroup.procs" ] && echo "/sys/fs/cgroup/$hierarchy$container_name"
    done
    true
}

container_mount() {
    container_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-container.XXXXXX")
    mount -t tmpfs -o size=1g,mode=755 tmpfs "$container_dir" || skip "mounting a tmpfs is not allowed"
    mkdir "$container_dir"/{upper,work,root}
    mount -t overlay overlay "$container_dir/root" \
        -o "lowerdir=/,upperdir=$container_dir/upper,workdir=$container_dir/work" 2>/dev/null ||
        skip "an overlay of / cannot be mounted"
    container_root=$container_dir/root
}

# Only what a service needs: no devices, network, logins or the enabled services of the machine.
container_units() {
    local units=$container_root/etc/systemd/system unit
    rm -rf "$units"/*.wants
    # A random machine id: journald names its directory after it.
    tr -d '-' </proc/sys/kernel/random/uuid >"$container_root/etc/machine-id"
    printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' >"$units/container-test.target"
    for unit in systemd-networkd.service systemd-resolved.service systemd-timesyncd.service systemd-udevd.service \
        systemd-udev-trigger.service systemd-logind.service getty@.service console-getty.service \
        systemd-update-utmp.service systemd-modules-load.service e2scrub_reap.service \
        proc-sys-fs-binfmt_misc.automount; do
        ln -sf /dev/null "$units/$unit"
    done
}

container_up() {
    [ "$(id -u)" -eq 0 ] || skip "systemd as PID 1 of a container needs root"
    command -v systemd-nspawn >/dev/null || skip "systemd-nspawn is not installed"
    container_mount
    container_units
    local path state i
    for path in $(container_cgroups); do
        mkdir -p "$path" 2>/dev/null || skip "no cgroup can be made in ${path%/*}"
    done
    (
        for path in $(container_cgroups); do
            echo "$BASHPID" >"$path/cgroup.procs"
        done
        exec systemd-nspawn --quiet --directory="$container_root" --machine="$container_name" --boot --register=no \
            --keep-unit --private-network --link-journal=no --console=pipe systemd.unit=container-test.target \
            systemd.log_color=0 </dev/null >"$container_dir/console.log" 2>&1
    ) &
    container_nspawn=$!
    for ((i = 0; i < 600; i++)); do
        kill -0 "$container_nspawn" 2>/dev/null ||
            skip "systemd-nspawn cannot boot here: $(tail -n 1 "$container_dir/console.log")"
        [ -n "$container_init" ] || container_init=$(pgrep -P "$container_nspawn" -x systemd || true)
        if [ -n "$container_init" ]; then
            state=$(inside systemctl is-system-running 2>/dev/null || true)
            case $state in running | degraded) return ;; esac
        fi
        sleep 0.1
    done
    skip "systemd did not come up within 60 s: $(tail -n 1 "$container_dir/console.log")"
}

inside() {
    timeout --kill-after=5 30 nsenter -t "$container_init" --all -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb HOME=/root "$@"
}

container_down() {
    local i path
    if [ -n "$container_nspawn" ]; then
        [ -z "$container_init" ] || kill -s RTMIN+4 "$container_init" 2>/dev/null || true  # poweroff.target
        for ((i = 0; i < 150; i++)); do
            kill -0 "$container_nspawn" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$container_nspawn" 2>/dev/null || true
        wait "$container_nspawn" 2>/dev/null || true
    fi
    [ -n "$container_dir" ] || return 0
    umount "$container_dir/root" 2>/dev/null || umount -l "$container_dir/root" 2>/dev/null || true
    umount "$container_dir" 2>/dev/null || umount -l "$container_dir" 2>/dev/null || true
    rmdir "$container_dir" 2>/dev/null || true
    for path in $(container_cgroups); do
        [ ! -d "$path" ] || find "$path" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}
