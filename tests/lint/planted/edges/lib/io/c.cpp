#include <liburing.h>

#include "base/a.h"
