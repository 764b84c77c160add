// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/resolve.hpp>
#include <kedge/http/client.hpp>

#include <boost/asio/io_context.hpp>

#include "support/catch.hpp"
#include "torture/hurried_runtime.hpp"

#include <utility>

namespace http_test {

namespace asio = boost::asio;

struct result {
    kedge::error_code ec;
    kedge::http::response answer;
    kedge::http::send_phase phase = kedge::http::send_phase::none;
    int calls = 0;
};

/// A client with a context of its own, which runs only here.
struct user {
    asio::io_context io;
    kedge::http::client client;

    explicit user(kedge::http::client_options o) : client(io, std::move(o)) {}

    /// In a time that runs a hundred times as fast, for the pauses of the pool. @param names in place of the system's resolver
    user(kedge::http::client_options o, kedge::detail::lookup_function names) : client(hurry(io), std::move(o)) {
        look_up_by(std::move(names));
    }
    void look_up_by(kedge::detail::lookup_function names) {
        asio::use_service<kedge::detail::lookup_service>(io).lookups()->use(std::move(names));
    }

    static asio::io_context& hurry(asio::io_context& io) {
        asio::make_service<torture::hurried_runtime>(io);
        asio::use_service<torture::hurried_runtime>(io).start(io.get_executor());
        return io;
    }

    result ask(kedge::http::request r = {"GET", "/health"}, kedge::call c = {}) {
        result out;
        client.async_request(std::move(r), c, [&](kedge::error_code ec, kedge::http::response answer, kedge::http::send_phase phase) {
            out = {ec, std::move(answer), phase, out.calls + 1};
            io.stop();
        });
        CHECK(out.calls == 0);
        io.restart();
        io.run();
        CHECK(out.calls == 1);
        return out;
    }
};

}  // namespace http_test
