#include <CLI/CLI.hpp>
#include <systemd/sd-daemon.h>

#include "config.h"
#include "io/c.h"
