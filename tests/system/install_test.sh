#!/usr/bin/env bash
# What is installed below a prefix of its own can be used from there: the programs, and the library through pkg-config.
# Usage: install_test.sh BUILD_DIR
set -euo pipefail

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
DESTDIR=$scratch cmake --install "$1" --prefix /opt/sluice >"$scratch/log" || { cat "$scratch/log"; exit 1; }
prefix=$scratch/opt/sluice
"$prefix/bin/sluice" --version
"$prefix/sbin/sluiced" --check-config --config "$scratch/etc/sluice/sluiced.yaml"

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name sluice.pc)")
export PKG_CONFIG_PATH
cat >"$scratch/user.c" <<'C'
#include <sluice.h>

int main(void) {
    sluice_options options = {0};
    options.socket_path = "/nonexistent/s.sock";
    sluice_error error = {0, 0, ""};
    return sluice_open(&options, &error) == 0 && error.code != 0 ? 0 : 1;
}
C
read -ra flags <<<"$(pkg-config --cflags --libs sluice)"
cc -o "$scratch/user" "$scratch/user.c" "${flags[@]}"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir sluice) "$scratch/user"

for document in protocol storage-format query; do
    test -s "$prefix/share/doc/sluice/$document.md"
done
echo "ok - installed, and used from there"
