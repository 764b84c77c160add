// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/unique_function.hpp>
#include <kedge/sql/connection_concept.hpp>
#include <kedge/sql/rows_builder.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>

// A result that is too large for memory, in pieces.

namespace kedge {

/// A piece of a result is handed over when it has so many rows, or their values take so much: what a pair of them costs in
/// memory is no concern, and handing one over no cost beside reading it.
inline constexpr std::size_t rows_per_batch = 1000, bytes_per_batch = 1024 * 1024;

/// The rows of one statement that are not handed over in pieces, in memory: beyond, it ends in `sql_errc::result_too_large`.
/// What fits on a small server twenty times.
inline constexpr std::size_t result_limit = 64U << 20U;

namespace detail {

inline bool fills_batch(const rows_builder& some) noexcept {
    return some.size() >= rows_per_batch || some.memory() >= bytes_per_batch;
}

/// Why a result is too large, for a report.
inline std::string beyond_result_limit() {
    return "the result has more than " + std::to_string(result_limit >> 20U) + " MiB";
}

}  // namespace detail

/** Takes the pieces of a result, for connections: a handle on the function of whoever asked.
 *
 *  What the function throws is kept and ends the reading.
 */
class batch_receiver {
public:
    template <class F> explicit batch_receiver(F take) : state_(std::make_shared<state>(std::move(take))) {}

    /// @return false: read no further, as if cancelled
    bool operator()(rows batch) const noexcept {
        try {
            state_->take(std::move(batch));
        } catch (...) {
            state_->thrown = std::current_exception();
        }
        return !state_->thrown;
    }

    const std::exception_ptr& thrown() const noexcept { return state_->thrown; }

private:
    struct state {
        template <class F> explicit state(F f) : take(std::move(f)) {}
        detail::unique_function<void(rows)> take;
        std::exception_ptr thrown;
    };
    std::shared_ptr<state> state_;
};

/** A connection that can hand a result over in pieces, for `database_client::async_query_batches`.
 *
 *  `c.async_query_batches(sql_text, params, batch_receiver, token)`, `void(error_code)`: as `async_query`, but gives the rows
 *  away in pieces as they come, on the handler's executor, one after the other, and reads no further meanwhile. Once the
 *  receiver says no, the statement ends as a cancelled one does. No piece comes after the completion.
 */
template <class C>
concept reads_in_batches = requires(C& c, sql_text text, params values, batch_receiver take) {
    c.async_query_batches(text, values, take, detail::code_handler{});
};

}  // namespace kedge
