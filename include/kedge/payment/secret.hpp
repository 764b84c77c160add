// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>

namespace kedge {

namespace detail {

/// Overwrites memory in a way that the optimiser may not drop. Moved-from short strings are wiped as well.
inline void wipe(std::string& text) noexcept {
    text.resize(text.capacity());
    for (volatile char* p = text.data(); p != text.data() + text.size(); ++p) *p = '\0';
    text.clear();
}

template <class T> void wipe(T&) noexcept {}

}  // namespace detail

/** A value that nothing prints by accident: no conversion, no `operator<<`, no format, no comparison.
 *
 *  Whoever needs it writes `reveal()`, which can be searched for. Strings are overwritten when the secret ends.
 *  @par Thread safety  As `T`.
 */
template <class T> class secret {
public:
    secret() = default;
    secret(T value) : value_(std::move(value)) { detail::wipe(value); }
    secret(const secret&) = default;
    secret(secret&& other) : value_(std::move(other.value_)) { detail::wipe(other.value_); }
    secret& operator=(secret other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~secret() { detail::wipe(value_); }

    const T& reveal() const noexcept { return value_; }

    template <class Traits> friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>&,
                                                                                const secret&) = delete;
    friend std::string to_string(const secret&) = delete;

private:
    T value_{};
};

/** What the provider gave for a card. kedge takes tokens only; there is no parameter for a card number anywhere.
 *
 *  @par Exceptions  `std::invalid_argument`, without the value, if the text is empty, longer than 255 bytes, contains
 *  anything but visible ASCII, or is a card number (12 to 19 digits with a right check digit, separators or not).
 */
class card_token {
public:
    explicit card_token(std::string token);
    const std::string& reveal() const noexcept { return value_.reveal(); }

private:
    secret<std::string> value_;
};

}  // namespace kedge

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/payment/impl/secret.ipp>
#endif
