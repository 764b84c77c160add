// SPDX-License-Identifier: BSL-1.0
// The one unit that compiles the bodies of adapters and facades for the tests.
#include <kedge/src.hpp>
