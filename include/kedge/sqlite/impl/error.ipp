// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/sqlite/error.hpp>

#include <sqlite3.h>

#include <string>

namespace kedge::sqlite {

namespace detail {

constexpr errc primary(int extended) noexcept { return static_cast<errc>(extended & 0xff); }

class category final : public boost::system::error_category {
public:
    constexpr category() noexcept : boost::system::error_category(0x6b65'6467'655f'736c) {}
    const char* name() const noexcept override { return "sqlite"; }
    std::string message(int value) const override { return sqlite3_errstr(value); }

    boost::system::error_condition default_error_condition(int value) const noexcept override {
        return {static_cast<int>(primary(value)), *this};
    }
    bool equivalent(int value, const boost::system::error_condition& wanted) const noexcept override {
        const errc code = primary(value);
        if (wanted == condition::overload) return code == errc::busy || code == errc::locked;
        if (wanted == condition::transient)
            return code == errc::busy || code == errc::locked || code == errc::io || code == errc::cannot_open;
        return default_error_condition(value) == wanted;
    }
};

inline constexpr category category_instance{};

}  // namespace detail

KEDGE_DECL const boost::system::error_category& category() noexcept { return detail::category_instance; }

KEDGE_DECL error_code make_error_code(int extended) noexcept { return {extended, category()}; }

KEDGE_DECL boost::system::error_condition make_error_condition(errc code) noexcept {
    return {static_cast<int>(code), category()};
}

KEDGE_DECL verdict classify(const error_code& ec) noexcept {
    if (ec.category() != category()) return classify_sql(ec);
    if (ec.value() == SQLITE_READONLY_DBMOVED) return {kind::neutral, replay::always};  // on a new connection
    switch (detail::primary(ec.value())) {
    case errc::busy:
    case errc::locked: return {kind::neutral, replay::always};
    case errc::interrupted: return {kind::neutral, replay::never};
    case errc::cannot_open: return {kind::failure, replay::always};
    case errc::io: return {kind::failure, replay::if_idempotent};
    case errc::error:
    case errc::read_only:
    case errc::too_big:
    case errc::constraint:
    case errc::mismatch: return {kind::success, replay::never};
    case errc::no_memory:
    case errc::corrupt:
    case errc::full:
    case errc::not_a_database: break;
    }
    return {kind::failure, replay::never};
}

}  // namespace kedge::sqlite
