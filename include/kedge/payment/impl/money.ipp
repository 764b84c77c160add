// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/config.hpp>
#include <kedge/payment/impl/quoted.hpp>
#include <kedge/payment/money.hpp>

#include <algorithm>
#include <stdexcept>

namespace kedge {

namespace detail {

struct currency_row {
    std::string_view codes;
    std::uint8_t exponent;
};

// ISO 4217 list one (active currencies), by number of decimals; funds and metals have none and are left out.
inline constexpr currency_row currencies[] = {
    {"AEDAFNALLAMDANGAOAARSAUDAWGAZNBAMBBDBDTBGNBMDBNDBOBBRLBSDBTNBWPBYNBZDCADCDFCHFCNYCOPCRCCUPCVECZKDKKDOPDZDEGPERNETB"
     "EURFJDFKPGBPGELGHSGIPGMDGTQGYDHKDHNLHTGHUFIDRILSINRIRRJMDKESKGSKHRKPWKYDKZTLAKLBPLKRLRDLSLMADMDLMGAMKDMMKMNTMOPMRUMUR"
     "MVRMWKMXNMYRMZNNADNGNNIONOKNPRNZDPABPENPGKPHPPKRPLNQARRONRSDRUBSARSBDSCRSDGSEKSGDSHPSLESOSSRDSSPSTNSVCSYPSZLTHBTJSTMT"
     "TOPTRYTTDTWDTZSUAHUSDUYUUZSVEDVESWSTXCDYERZARZMWZWG",
     2},
    {"BIFCLPDJFGNFISKJPYKMFKRWPYGRWFUGXVNDVUVXAFXOFXPF", 0},
    {"BHDIQDJODKWDLYDOMRTND", 3},
    {"CLFUYW", 4},
};

constexpr int exponent_of(std::string_view code) noexcept {
    if (code.size() != 3) return -1;
    for (const currency_row& row : currencies)
        for (std::size_t i = 0; i + 3 <= row.codes.size(); i += 3)
            if (row.codes.substr(i, 3) == code) return row.exponent;
    return -1;
}

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Appends one digit in the direction of `sign`, so that the most negative amount can be read too.
inline bool append_digit(std::int64_t& minor, int sign, char digit) noexcept {
    return !__builtin_mul_overflow(minor, std::int64_t{10}, &minor) &&
           !__builtin_add_overflow(minor, std::int64_t{sign * (digit - '0')}, &minor);
}

}  // namespace detail

KEDGE_DECL const char* to_string(money_error e) noexcept {
    switch (e) {
    case money_error::unknown_currency: return "not a currency code of ISO 4217 such as EUR";
    case money_error::malformed: return "not of the form 19.90: digits, a point and decimals, nothing else";
    case money_error::too_precise: return "more decimals than the currency has";
    case money_error::out_of_range: return "too large";
    case money_error::different_currencies: return "amounts in different currencies";
    }
    return "?";
}

KEDGE_DECL void throw_exception_from_error(money_error e, const boost::source_location&) {
    throw std::invalid_argument(to_string(e));
}

KEDGE_DECL boost::system::result<currency, money_error> currency::try_of(std::string_view code) noexcept {
    const int exponent = detail::exponent_of(code);
    if (exponent < 0) return money_error::unknown_currency;
    return currency({code[0], code[1], code[2]}, static_cast<std::uint8_t>(exponent));
}

KEDGE_DECL currency currency::of(std::string_view code) {
    if (const auto found = try_of(code)) return *found;
    throw std::invalid_argument("currency " + detail::quoted(code) + ": " + to_string(money_error::unknown_currency));
}

KEDGE_DECL currency currency::with_exponent(int decimals) const {
    if (decimals < 0 || decimals > 4)
        throw std::invalid_argument("currency exponent " + std::to_string(decimals) + ": must be 0 to 4");
    return currency(code_, static_cast<std::uint8_t>(decimals));
}

KEDGE_DECL boost::system::result<money, money_error> money::try_parse(std::string_view amount, currency in) noexcept {
    const int sign = amount.starts_with('-') ? -1 : 1;
    if (sign < 0) amount.remove_prefix(1);
    const std::size_t point = std::min(amount.find('.'), amount.size());
    const std::string_view whole = amount.substr(0, point);
    const std::string_view decimals = point < amount.size() ? amount.substr(point + 1) : std::string_view{};
    const auto digits_only = [](std::string_view s) { return std::ranges::all_of(s, detail::is_digit); };
    if (whole.empty() || (point < amount.size() && decimals.empty()) || !digits_only(whole) || !digits_only(decimals))
        return money_error::malformed;
    const auto exponent = static_cast<std::size_t>(in.exponent());
    if (decimals.size() > exponent) return money_error::too_precise;
    std::int64_t minor = 0;
    for (const char c : whole)
        if (!detail::append_digit(minor, sign, c)) return money_error::out_of_range;
    for (std::size_t i = 0; i < exponent; ++i)
        if (!detail::append_digit(minor, sign, i < decimals.size() ? decimals[i] : '0')) return money_error::out_of_range;
    return money(minor, in);
}

KEDGE_DECL boost::system::result<money, money_error> money::try_parse(std::string_view amount,
                                                                      std::string_view currency_code) noexcept {
    const auto in = currency::try_of(currency_code);
    if (!in) return in.error();
    return try_parse(amount, *in);
}

KEDGE_DECL money money::parse(std::string_view amount, currency in) {
    const auto parsed = try_parse(amount, in);
    if (parsed) return *parsed;
    const std::string decimals(static_cast<std::size_t>(in.exponent()), '0');
    throw std::invalid_argument("amount " + detail::quoted(amount) + " in " + std::string(in.code()) + ": " +
                                to_string(parsed.error()) + "; accepted: digits" +
                                (decimals.empty() ? " only, e.g. 1990" : ", e.g. 19." + decimals));
}

KEDGE_DECL money money::parse(std::string_view amount, std::string_view currency_code) {
    return parse(amount, currency::of(currency_code));
}

KEDGE_DECL boost::system::result<money, money_error> money::plus(const money& other) const noexcept {
    if (currency_ != other.currency_) return money_error::different_currencies;
    std::int64_t sum = 0;
    if (__builtin_add_overflow(minor_, other.minor_, &sum)) return money_error::out_of_range;
    return money(sum, currency_);
}

KEDGE_DECL boost::system::result<money, money_error> money::minus(const money& other) const noexcept {
    if (currency_ != other.currency_) return money_error::different_currencies;
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(minor_, other.minor_, &difference)) return money_error::out_of_range;
    return money(difference, currency_);
}

KEDGE_DECL boost::system::result<money, money_error> money::times(std::int64_t factor) const noexcept {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(minor_, factor, &product)) return money_error::out_of_range;
    return money(product, currency_);
}

KEDGE_DECL boost::system::result<std::strong_ordering, money_error> money::compare(const money& other) const noexcept {
    if (currency_ != other.currency_) return money_error::different_currencies;
    return minor_ <=> other.minor_;
}

KEDGE_DECL std::string decimal(const money& m) {
    std::string digits = std::to_string(m.minor());
    const bool negative = m.minor() < 0;
    if (negative) digits.erase(0, 1);
    const auto exponent = static_cast<std::size_t>(m.in().exponent());
    if (exponent > 0) {
        if (digits.size() <= exponent) digits.insert(0, exponent + 1 - digits.size(), '0');
        digits.insert(digits.size() - exponent, 1, '.');
    }
    return negative ? "-" + digits : digits;
}

KEDGE_DECL std::string to_string(const money& m) { return decimal(m) + " " + std::string(m.in().code()); }

}  // namespace kedge
