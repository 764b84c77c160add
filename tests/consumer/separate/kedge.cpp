// SPDX-License-Identifier: BSL-1.0
#include <kedge/src.hpp>
