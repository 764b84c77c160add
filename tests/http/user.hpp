// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/detail/resolve.hpp>
#include <kedge/http/client.hpp>

#include <boost/asio/io_context.hpp>

#include "scripted_server.hpp"
#include "support/catch.hpp"
#include "torture/hurried_runtime.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace http_test {

/// Every name is this machine's.
inline kedge::error_code loopback(const std::string&, const std::string& service, kedge::detail::endpoints& found) {
    return kedge::detail::resolve_literal("127.0.0.1", service, found);
}

/// For a client in a hurry (see @ref user): its limits are 10 and 20 s.
inline kedge::http::client_options options_for(const scripted_server& server, const std::string& host = "localhost") {
    using std::chrono::seconds;
    kedge::http::client_options o{.url = server.url(host), .connect_timeout = seconds(1000), .timeout = seconds(2000)};
    o.tls.ca_pem = kedge_test::authority_pem();
    return o;
}

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
        const auto store = [&](kedge::error_code ec, kedge::http::response answer, kedge::http::send_phase phase) {
            out = {ec, std::move(answer), phase, out.calls + 1};
            io.stop();
        };
        client.async_request(std::move(r), c, store);
        CHECK(out.calls == 0);
        io.restart();
        io.run();
        CHECK(out.calls == 1);
        settle();
        return out;
    }

    /// The pool may be dialling once more, or closing: nobody runs the context between two requests.
    void settle() {
        for (auto s = client.snapshot(); s.dialing + s.closing > 0; s = client.snapshot()) {
            io.restart();
            io.run_one();
        }
    }
};

}  // namespace http_test
