// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/escape.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

// OpenSSL's SHA-256: bodies of a megabyte are worth its speed.

namespace kedge::aws::detail {

inline constexpr std::size_t sha256_size = 32;

[[noreturn]] inline void no_sha256() { throw std::runtime_error("kedge::aws: OpenSSL has no SHA-256"); }

inline std::string sha256(std::string_view text) {
    std::string out(sha256_size, '\0');
    if (EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr, EVP_sha256(), nullptr) != 1)
        no_sha256();
    return out;
}

inline std::string hmac_sha256(std::string_view key, std::string_view text) {
    std::string out(sha256_size, '\0');
    if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
              text.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr))
        no_sha256();
    return out;
}

inline std::string hex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) log::detail::append_hex(out, static_cast<unsigned char>(c), 2);
    return out;
}

}  // namespace kedge::aws::detail
