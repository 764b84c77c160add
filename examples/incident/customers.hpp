// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/call.hpp>
#include <kedge/payment/charge_request.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>

namespace incident {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using kedge::nanoseconds;
using kedge::time_point;
using kedge::to_string;

/// What a customer owes for an order. The key belongs to the order, however often it is sent.
kedge::charge_request order(int number);

/// The line of the shop that charges, as kedge's log shows it.
inline const kedge::call checkout{.place = {"/app/payment_handler.py", 67, "process_payment"}};

/// Coroutines that a scenario keeps while they run.
using task = std::function<asio::awaitable<void>()>;
using visit = std::function<asio::awaitable<void>(int number)>;

void start(const asio::any_io_executor& on, const task& what);

/// `count` customers, one every `pause`, the first at once.
void start_customers(const asio::any_io_executor& on, int count, nanoseconds pause, const visit& each);

}  // namespace incident
