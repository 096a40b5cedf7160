// For the test programs: what pch.h has, and the test framework.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pch.h"
