#include <systemd/sd-daemon.h>

#include "args/d.h"
#include "config.h"
#include "io/c.h"
