// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_source.hpp>
#include <kedge/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace kedge::aws::detail {

/// "2026-11-26T18:00:00Z", also with a fraction, which is cut off. Years 1970 to 2200.
std::optional<http::wall_time> parse_utc(std::string_view text) noexcept;

/// Of a container's or an instance's service: `{"AccessKeyId":…,"SecretAccessKey":…,"Token":…,"Expiration":…}`.
found_keys keys_in_json(http::response answer);

/// Of STS, for `AssumeRoleWithWebIdentity`.
found_keys keys_in_xml(http::response answer);

}  // namespace kedge::aws::detail

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/detail/impl/key_answer.ipp>
#endif
