#pragma once
// #include "coro/in_a_comment.h"
#include "coro/b.h"
#include <spdlog/spdlog.h>
#include "b.h"
#include <CLI/CLI.hpp>
