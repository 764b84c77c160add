// SPDX-License-Identifier: BSL-1.0

#include "customers.hpp"

#include <kedge/timer.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <string>

namespace incident {

namespace {

/// What escapes a scenario is a mistake in it, and comes out of the context's `run()`.
void rethrow(std::exception_ptr escaped) {
    if (escaped) std::rethrow_exception(escaped);
}

asio::awaitable<void> come(asio::any_io_executor on, nanoseconds after, const visit& each, int number) {
    co_await kedge::async_sleep(on, after, asio::use_awaitable);
    co_await each(number);
}

}  // namespace

kedge::charge_request order(int number) {
    return kedge::charge_request(kedge::money::parse("19.90", "EUR"), kedge::card_token("tok_visa"))
        .key(kedge::idempotency_key("order-2025-10-26-" + std::to_string(number)));
}

void start(const asio::any_io_executor& on, const task& what) { asio::co_spawn(on, what(), rethrow); }

void start_customers(const asio::any_io_executor& on, int count, nanoseconds pause, const visit& each) {
    for (int i = 0; i < count; ++i) asio::co_spawn(on, come(on, i * pause, each, i), rethrow);
}

}  // namespace incident
