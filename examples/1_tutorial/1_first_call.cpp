// SPDX-License-Identifier: BSL-1.0
//
// A call that fails twice and comes out well: policies around your own coroutine, and a report of what happened.

#include <kedge/pipeline.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// Your own code. Any coroutine will do, and any asynchronous function of Asio without its token.
asio::awaitable<int> price() {
    static int calls = 0;
    if (++calls < 3) throw boost::system::system_error(asio::error::connection_refused);
    co_return 42;
}

}  // namespace

int main() {
    asio::io_context io;

    // The first policy is the outermost: two seconds for everything; inside them up to four attempts; each attempt asks
    // the breaker and gets 300 ms. "Connection refused" was certainly not executed, so it may be repeated; for errors
    // after which nobody knows, `idempotent` says that twice is the same as once.
    kedge::circuit_breaker breaker{{.name = "prices"}};
    const kedge::pipeline resilient{io, kedge::total_timeout{2s}, kedge::retry{{.idempotent = true}}, breaker,
                                    kedge::timeout{300ms}};

    int found = 0;
    kedge::call_report report;
    auto ask = [&]() -> asio::awaitable<void> {
        found = co_await resilient.async_call(price, {.report = &report}, asio::use_awaitable);
    };
    asio::co_spawn(io, ask, asio::detached);
    io.run();  // returns when the work is done: kedge keeps nothing alive

    std::printf("price %d, %s\n", found, to_string(report).c_str());
    return found == 42 && report.attempts == 3 ? 0 : 1;
}
