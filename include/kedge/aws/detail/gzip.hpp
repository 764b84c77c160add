// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// `plain` as one gzip member (RFC 1952) if that is smaller; nothing if it is not.
std::string gzip(std::string_view plain);

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/gzip.ipp>
#endif
