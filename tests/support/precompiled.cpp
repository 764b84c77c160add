// SPDX-License-Identifier: BSL-1.0
// A target with precompiled headers has to compile something.
#include "precompiled.hpp"
