#pragma once
#include "base/a.h"
#include "coro/c.h"
