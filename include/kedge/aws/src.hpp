// SPDX-License-Identifier: BSL-1.0
#pragma once

// The bodies of the component `aws`, for the unit that includes `kedge/src.hpp`.

#include <kedge/aws/detail/prepare.hpp>

#include <kedge/aws/detail/impl/prepare.ipp>
