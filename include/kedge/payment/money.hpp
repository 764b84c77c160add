// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/system/result.hpp>

#include <array>
#include <compare>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace kedge {

/// Why a text is not an amount of money, or an operation on two amounts has no result.
enum class money_error : std::uint8_t {
    unknown_currency = 1,   ///< not an ISO 4217 code in capitals
    malformed,              ///< not of the form 19.90
    too_precise,            ///< more decimals than the currency has
    out_of_range,           ///< more than 64 bits of minor units
    different_currencies,   ///< both operands must have the same currency and exponent
};

/// "not of the form 19.90"
const char* to_string(money_error) noexcept;

/** A currency of ISO 4217 and how many decimals it has: EUR 2, JPY 0, BHD 3.
 *
 *  Some providers count differently from the standard (ISK and UGX are the usual suspects): @ref with_exponent.
 */
class currency {
public:
    /// @param code  three capitals, e.g. "EUR".   @throws std::invalid_argument naming the value
    static currency of(std::string_view code);
    static boost::system::result<currency, money_error> try_of(std::string_view code) noexcept;

    /// The same code with the number of decimals, 0 to 4, that a provider uses.   @throws std::invalid_argument
    currency with_exponent(int decimals) const;

    std::string_view code() const noexcept { return {code_.data(), code_.size()}; }
    int exponent() const noexcept { return exponent_; }

    friend bool operator==(const currency&, const currency&) = default;

private:
    constexpr currency(std::array<char, 3> code, std::uint8_t exponent) noexcept : code_(code), exponent_(exponent) {}

    std::array<char, 3> code_;
    std::uint8_t exponent_;
};

/** An exact amount: 64 bits of minor units (cents) and a currency.
 *
 *  There is no way from or to floating point, and no arithmetic that could overflow unseen or mix currencies. Amounts
 *  come from text, with exactly the digits that the currency has: `money::parse("19.90", "EUR")`.
 */
class money {
public:
    /** Reads an amount: an optional minus, digits, and optionally a point with at most as many decimals as the currency
     *  has. No plus, no spaces, no thousands separators, no exponent.
     *  @throws std::invalid_argument that names the value and the accepted form
     */
    static money parse(std::string_view amount, std::string_view currency_code);
    static money parse(std::string_view amount, currency in);

    /// The same without exceptions, for input of users.
    static boost::system::result<money, money_error> try_parse(std::string_view amount,
                                                               std::string_view currency_code) noexcept;
    static boost::system::result<money, money_error> try_parse(std::string_view amount, currency in) noexcept;

    /// @param minor  in the smallest unit of the currency: 1990 for 19.90 EUR, 1990 for 1990 JPY.
    static money from_minor(std::int64_t minor, currency in) noexcept { return {minor, in}; }
    template <std::floating_point F> static money from_minor(F, currency) = delete;

    std::int64_t minor() const noexcept { return minor_; }
    const currency& in() const noexcept { return currency_; }
    bool positive() const noexcept { return minor_ > 0; }

    boost::system::result<money, money_error> plus(const money& other) const noexcept;
    boost::system::result<money, money_error> minus(const money& other) const noexcept;
    boost::system::result<money, money_error> times(std::int64_t factor) const noexcept;
    template <std::floating_point F> boost::system::result<money, money_error> times(F) const = delete;

    /// Amounts of different currencies are unequal; which one is less is asked with @ref compare only.
    friend bool operator==(const money&, const money&) = default;
    boost::system::result<std::strong_ordering, money_error> compare(const money& other) const noexcept;

private:
    money(std::int64_t minor, currency in) noexcept : minor_(minor), currency_(in) {}

    std::int64_t minor_;
    currency currency_;
};

/// "19.90": what a provider's decimal field takes, always with all decimals of the currency.
std::string decimal(const money&);

/// "19.90 EUR"
std::string to_string(const money&);

/// @cond  lets `result::value()` throw std::invalid_argument
[[noreturn]] void throw_exception_from_error(money_error, const boost::source_location&);
/// @endcond

}  // namespace kedge

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/payment/impl/money.ipp>
#endif
