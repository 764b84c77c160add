// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "scripted_service.hpp"

#include <functional>

namespace incident {

struct traffic_result {
    int calls = 0, succeeded = 0;
};

/// A customer every `pause`, `count` of them; each pays with a key of its own through `pipeline`.
template <class Pipeline>
traffic_result customers(simulation& sim, scripted_service& service, const Pipeline& pipeline, int count, nanoseconds pause,
                         std::function<void(int, const kedge::error_code&)> ended = {}) {
    traffic_result result;
    auto customer = [&](int number) -> asio::awaitable<void> {
        co_await kedge::async_sleep(sim, number * pause, asio::use_awaitable);
        const std::string key = "order-" + std::to_string(number);
        std::function<asio::awaitable<void>()> charge = [&] { return service.charge(key); };
        kedge::error_code error;
        try {
            co_await pipeline.async_call(charge, asio::use_awaitable);
        } catch (const system_error& e) {
            error = e.code();
        }
        ++result.calls;
        result.succeeded += !error;
        if (ended) ended(number, error);
    };
    for (int i = 0; i < count; ++i) {
        std::function<asio::awaitable<void>()> one = [&customer, i] { return customer(i); };
        asio::co_spawn(sim, one, asio::detached);
    }
    sim.run();
    return result;
}

}  // namespace incident
