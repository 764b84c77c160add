// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/error.hpp>

#include <string>
#include <type_traits>

namespace kedge::payment {

/// Why a payment call did not simply succeed. What to do about it is the business of the outcome, not of the error.
enum class errc {
    invalid_request = 1,    ///< refused before sending: amount, reference or token cannot be right
    key_conflict = 2,       ///< this idempotency key already belongs to a payment with other content
    key_in_use = 3,         ///< another call with this key is under way
    journal_failed = 4,     ///< the intent could not be recorded, so nothing was sent
    shut_down = 5,          ///< the client was shut down before the call
    declined = 6,           ///< the provider answered: the card or account was declined
    rejected = 7,           ///< the provider answered: it will not process this request as it is
    unauthorized = 8,       ///< the provider does not accept the credentials
    throttled = 9,          ///< the provider asks for less traffic
    unavailable = 10,       ///< the provider, or something in front of it, could not do its work
    malformed_answer = 11,  ///< an answer that cannot be understood: it settles nothing
    foreign_answer = 12,    ///< an answer about another key, amount or currency: it settles nothing
    not_found = 13,         ///< the provider does not know this key (yet): the outcome says what that proves
    key_expired = 14,       ///< the key is so old that the provider may have forgotten it: nothing was sent
};

}  // namespace kedge::payment

namespace kedge::detail {

class payment_error_category final : public boost::system::error_category {
public:
    constexpr payment_error_category() noexcept : boost::system::error_category(0x6b65'6467'655f'7061) {}
    const char* name() const noexcept override { return "kedge.payment"; }
    std::string message(int value) const override { return text(value); }
    const char* message(int value, char*, std::size_t) const noexcept override { return text(value); }

private:
    static const char* text(int value) noexcept {
        switch (static_cast<payment::errc>(value)) {
        case payment::errc::invalid_request: return "invalid payment request, nothing was sent";
        case payment::errc::key_conflict: return "this idempotency key belongs to a payment with other content";
        case payment::errc::key_in_use: return "another call with this idempotency key is under way";
        case payment::errc::journal_failed: return "the payment journal failed, nothing was sent";
        case payment::errc::shut_down: return "the payment client was shut down";
        case payment::errc::declined: return "declined by the provider";
        case payment::errc::rejected: return "rejected by the provider";
        case payment::errc::unauthorized: return "credentials not accepted by the provider";
        case payment::errc::throttled: return "throttled by the provider";
        case payment::errc::unavailable: return "the provider is unavailable";
        case payment::errc::malformed_answer: return "malformed answer of the provider";
        case payment::errc::foreign_answer: return "the provider's answer is about another payment";
        case payment::errc::not_found: return "the provider does not know this idempotency key";
        case payment::errc::key_expired: return "this idempotency key is too old to be sent again";
        }
        return "unknown payment error";
    }
};

inline constexpr payment_error_category payment_category_instance{};

}  // namespace kedge::detail

namespace kedge::payment {

inline const boost::system::error_category& category() noexcept { return kedge::detail::payment_category_instance; }
inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), category()}; }

}  // namespace kedge::payment

template <> struct boost::system::is_error_code_enum<kedge::payment::errc> : std::true_type {};
