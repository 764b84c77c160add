// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/verdict.hpp>

#include <string>
#include <type_traits>

namespace kedge {

/// What was wrong with a statement, before anything of it was executed unless said; the same for every database.
enum class sql_errc {
    nul_in_text = 1,         ///< the statement or a text parameter holds a NUL character
    invalid_utf8 = 2,        ///< the statement or a text parameter is not valid UTF-8
    parameter_count = 3,     ///< more or fewer parameters than the statement has places for
    several_statements = 4,  ///< one call executes one statement
    empty_statement = 5,     ///< nothing but blanks and comments
    no_such_type = 6,        ///< a parameter of a type that this database does not have
    result_too_large = 7,    ///< its rows exceed the memory for one result; it may have been executed
    rolled_back = 8,         ///< the answer to COMMIT was lost, and the server says that nothing was committed
};

namespace detail {

class sql_category final : public boost::system::error_category {
public:
    constexpr sql_category() noexcept : boost::system::error_category(0x6b65'6467'655f'7371) {}
    const char* name() const noexcept override { return "kedge.sql"; }
    std::string message(int value) const override {
        switch (static_cast<sql_errc>(value)) {
        case sql_errc::nul_in_text: return "NUL character in the statement or a text parameter";
        case sql_errc::invalid_utf8: return "invalid UTF-8 in the statement or a text parameter";
        case sql_errc::parameter_count: return "wrong number of parameters for the statement";
        case sql_errc::several_statements: return "several statements in one call";
        case sql_errc::empty_statement: return "empty statement";
        case sql_errc::no_such_type: return "parameter of a type that this database does not have";
        case sql_errc::result_too_large: return "result larger than the memory for one; read it in batches";
        case sql_errc::rolled_back: return "answer to COMMIT lost; the server says that nothing was committed";
        }
        return "unknown statement error";
    }
};

inline constexpr sql_category sql_category_instance{};

}  // namespace detail

inline error_code make_error_code(sql_errc e) noexcept {
    return {static_cast<int>(e), detail::sql_category_instance};
}

}  // namespace kedge

template <> struct boost::system::is_error_code_enum<kedge::sql_errc> : std::true_type {};

namespace kedge {

/// Judges what any database may end in: a bad statement is the application's error, so it says nothing against the
/// server and is not repeated; what was certainly rolled back is a failure that may be; everything else as @ref classify does.
inline verdict classify_sql(const error_code& ec) noexcept {
    if (ec == sql_errc::rolled_back) return {kind::failure, replay::always};
    if (ec.category() == detail::sql_category_instance) return {kind::success, replay::never};
    return classify(ec);
}

}  // namespace kedge
