// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/key_server.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/runtime.hpp>
#include <kedge/timer.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace kedge::aws::detail {

/// One question with its attempts.
class key_question : public std::enable_shared_from_this<key_question> {
public:
    key_question(const http::client& client, int attempts, http::request what, key_reply_handler done)
        : client_(client), left_(attempts), what_(std::move(what)), done_(std::move(done)) {}

    void try_once() {
        --left_;
        client_.async_request(what_, [self = shared_from_this()](error_code ec, http::response answer, http::send_phase) {
            self->ended(ec, std::move(answer));
        });
    }

private:
    static constexpr std::chrono::milliseconds first_pause{100};

    static bool may_pass(error_code ec, int status) noexcept {
        return ec ? ec != condition::permanent && ec != http::errc::bad_request : status >= 500 || status == 429;
    }

    void ended(error_code ec, http::response answer) {
        if (left_ == 0 || !may_pass(ec, answer.status)) return done_(ec, std::move(answer));
        const auto share = static_cast<int>(runtime::of(client_.get_executor()).random() % 1024);
        async_sleep(client_.get_executor(), pause_ + nanoseconds(pause_) / 1024 * share,
                    [self = shared_from_this()](error_code) { self->try_once(); });
        pause_ *= 2;
    }

    http::client client_;
    int left_;
    const http::request what_;
    key_reply_handler done_;
    std::chrono::milliseconds pause_ = first_pause;
};

class http_key_server final : public key_server {
public:
    http_key_server(const boost::asio::any_io_executor& ex, http::client_options o, int attempts)
        : client_(ex, std::move(o)), attempts_(attempts) {}

    void ask(http::request what, key_reply_handler done) override {
        std::make_shared<key_question>(client_, attempts_, std::move(what), std::move(done))->try_once();
    }

private:
    http::client client_;
    const int attempts_;
};

KEDGE_DECL std::unique_ptr<key_server> make_key_server(const boost::asio::any_io_executor& ex, const endpoint& to,
                                                       key_server_limits limits, const http::tls_options& tls) {
    http::client_options o;
    o.url = (to.url.tls ? "https://" : "http://") + to.url.authority() + to.url.base;
    o.allow_plain_http = !to.url.tls;
    o.tls = tls;
    o.allow_address = [to](const boost::asio::ip::address& where) { return to.allows(where); };
    o.connect_timeout = o.timeout = limits.timeout;
    o.max_connections = 1;
    o.max_body = 64 * 1024;
    return std::make_unique<http_key_server>(ex, std::move(o), limits.attempts);
}

}  // namespace kedge::aws::detail
