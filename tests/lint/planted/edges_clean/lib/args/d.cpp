#include "args/d.h"

#include <CLI/CLI.hpp>
