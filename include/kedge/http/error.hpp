// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>

#include <string>
#include <type_traits>

namespace kedge::http {

/// What kedge's HTTP refuses; docs/reference/http.md says what to do about each.
enum class errc {
    bad_request = 1,         ///< method, target or header cannot be sent as it is; nothing was sent
    bad_response = 2,        ///< an answer that two readers could read differently
    response_too_large = 3,  ///< head, body or the whole message is beyond its limit
    truncated = 4,           ///< the connection ended in the middle of an answer
    not_verified = 5,        ///< the server's certificate is not valid for this host; nothing was sent
    address_not_allowed = 6, ///< `client_options::allow_address` refuses all that the name leads to; nothing was sent
};

}  // namespace kedge::http

namespace kedge::detail {

class http_error_category final : public boost::system::error_category {
public:
    constexpr http_error_category() noexcept : boost::system::error_category(0x6b65'6467'655f'6874) {}
    const char* name() const noexcept override { return "kedge.http"; }
    std::string message(int value) const override { return text(value); }
    const char* message(int value, char*, std::size_t) const noexcept override { return text(value); }
    bool equivalent(int value, const boost::system::error_condition& wanted) const noexcept override {
        const auto code = static_cast<http::errc>(value);
        if (wanted == condition::permanent) return code == http::errc::not_verified || code == http::errc::address_not_allowed;
        return default_error_condition(value) == wanted;
    }

private:
    static const char* text(int value) noexcept {
        switch (static_cast<http::errc>(value)) {
        case http::errc::bad_request: return "a request that cannot be sent as it is; nothing was sent";
        case http::errc::bad_response: return "malformed or ambiguous HTTP response";
        case http::errc::response_too_large: return "HTTP response beyond its limit";
        case http::errc::truncated: return "the connection ended in the middle of an HTTP response";
        case http::errc::not_verified:
            return "the server's certificate is not valid for this host; name its authority in tls_options, or mend it";
        case http::errc::address_not_allowed: return "the server's name leads only to addresses that are not allowed";
        }
        return "unknown HTTP error";
    }
};

inline constexpr http_error_category http_category_instance{};

}  // namespace kedge::detail

namespace kedge::http {

inline const boost::system::error_category& category() noexcept { return kedge::detail::http_category_instance; }
inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

}  // namespace kedge::http

template <> struct boost::system::is_error_code_enum<kedge::http::errc> : std::true_type {};
