#pragma once
#include <string>
// #include <spdlog/spdlog.h>
/* #include "io/c.h" */
