#include <liburing.h>

#include "base/a.h"
#include "coro/b.h"
