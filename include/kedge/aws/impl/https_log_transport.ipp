// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/detail/clock_skew.hpp>
#include <kedge/aws/detail/gzip.hpp>
#include <kedge/aws/https_log_transport.hpp>
#include <kedge/aws/sigv4.hpp>
#include <kedge/detail/config.hpp>
#include <kedge/detail/post_to.hpp>
#include <kedge/http/client.hpp>
#include <kedge/runtime.hpp>

#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace kedge::aws {
namespace detail {

class https_log_core {
public:
    https_log_core(const boost::asio::any_io_executor& ex, const endpoint& to, std::string region,
                   std::shared_ptr<credentials_provider> keys, http::tls_options tls)
        : clock(runtime::of(ex)), provider(std::move(keys)), where(to.url.authority()), client(ex, options(to, std::move(tls))),
          signer_(to.url, std::move(region), "logs") {}

    void sign(http::request& what, const credentials& keys, http::wall_time when) {
        const std::lock_guard lock(signing_);
        signer_.sign(what, keys, when);
    }

    runtime& clock;
    const std::shared_ptr<credentials_provider> provider;
    const std::string where;
    http::client client;

private:
    static http::client_options options(const endpoint& to, http::tls_options tls) {
        http::client_options o;
        o.url = (to.url.tls ? "https://" : "http://") + to.url.authority() + to.url.base;
        o.allow_plain_http = !to.url.tls;  // the endpoint's rules have allowed it
        o.tls = std::move(tls);
        o.allow_address = [to](const boost::asio::ip::address& where) { return to.allows(where); };
        o.connect_timeout = https_log_transport::connect_limit;
        o.timeout = https_log_transport::request_limit;
        o.max_connections = https_log_transport::max_connections;
        return o;
    }

    std::mutex signing_;
    sigv4_signer signer_;
};

/** One request: compressed, given keys, signed and sent, one step after the other. Until the keys are there its own timer
 *  bounds it, from then on the client's. */
class log_sending : public std::enable_shared_from_this<log_sending>, private timer_node {
public:
    log_sending(std::shared_ptr<https_log_core> core, log_request what, log_response_handler done)
        : core_(std::move(core)), what_(std::move(what)), done_(std::move(done)),
          deadline_(core::saturating_add(core_->clock.now(), https_log_transport::request_limit)) {
        fire = [](timer_node* n) noexcept {
            const auto self = std::exchange(static_cast<log_sending*>(n)->armed_, nullptr);
            self->end(not_sent("no keys came within the limit of a request"), {}, {});  // the body may be under compression
        };
        abandon = [](timer_node* n) noexcept {
            const auto last = std::exchange(static_cast<log_sending*>(n)->armed_, nullptr);
        };
    }

    /// What it throws has not started.
    void start() {
        armed_ = shared_from_this();
        core_->clock.arm(*this, deadline_);
        try {
            if (what_.gzip) core_->clock.run_blocking([self = shared_from_this()] { self->compress(); });
            else ask_for_keys();
        } catch (const std::exception&) {
            if (disarm()) throw;  // else it has ended, by its limit
        }
    }

private:
    /// False: the limit came first, and has ended it.
    bool disarm() noexcept {
        if (!core_->clock.cancel(*this)) return false;
        const auto last = std::exchange(armed_, nullptr);
        return true;
    }

    static service_answer not_sent(std::string_view why) noexcept {
        return with_message(no_answer(false), why);
    }
    /// @param where  that the reason came from; empty: from here
    static service_answer with_message(service_answer answer, std::string_view why, std::string_view where = {}) noexcept;

    void compress() noexcept;
    void ask_for_keys();
    void have_keys(const credentials_answer& got) noexcept;
    void send(const credentials& keys);
    void answered(const error_code& ec, const http::response& from, http::send_phase phase) noexcept;
    void end(service_answer answer, std::optional<clock_sight> clock, std::string body) noexcept {
        log_response_handler done = std::move(done_);
        done({std::move(answer), clock, std::move(body)});
    }
    void end(service_answer answer, std::optional<clock_sight> clock = {}) noexcept {
        end(std::move(answer), clock, std::move(what_.body.empty() ? ask_.body : what_.body));
    }

    const std::shared_ptr<https_log_core> core_;
    log_request what_;
    log_response_handler done_;
    const time_point deadline_;
    http::request ask_{"POST", "/"};  ///< until it is signed: with the compressed body, if there is one
    http::wall_time sent_{};
    std::shared_ptr<log_sending> armed_{};  ///< whoever takes the timer takes it
};

/// A compression takes long enough to be kept away from the threads of the context.
KEDGE_DECL void log_sending::compress() noexcept {
    try {
        ask_.body = gzip(what_.body);
    } catch (const std::exception&) {  // no memory: as it is
    }
    try {
        ask_for_keys();
    } catch (const std::exception&) {  // no memory: its limit ends it
    }
}

/// The provider does not own the request: it may keep its handlers for longer than the limit. Whoever calls them, it goes on
/// where the transport runs, and so never inside @ref start.
KEDGE_DECL void log_sending::ask_for_keys() {
    core_->provider->get([weak = weak_from_this()](credentials_answer got) {
        const auto self = weak.lock();
        if (!self) return;
        kedge::detail::post_to(self->core_->client.get_executor(), [self, got = std::move(got)] {
            if (self->disarm()) self->have_keys(got);
        });
    });
}

KEDGE_DECL service_answer log_sending::with_message(service_answer answer, std::string_view why,
                                                    std::string_view where) noexcept {
    constexpr std::size_t longest = 1000;  // all sources of keys say why they have none, each in a sentence
    try {
        answer.message = where;
        answer.message.append(where.empty() ? "" : ": ").append(why.substr(0, longest));
    } catch (const std::exception&) {  // no memory: without
    }
    return answer;
}

KEDGE_DECL void log_sending::have_keys(const credentials_answer& got) noexcept {
    if (!got.keys) {
        service_answer none = no_answer(false);
        none.kind = answer_kind::stale_credentials;
        return end(with_message(std::move(none), got.reason));
    }
    try {
        send(*got.keys);
    } catch (const std::exception& e) {
        if (done_) end(not_sent(e.what()));
    }
}

KEDGE_DECL void log_sending::send(const credentials& keys) {
    ask_.headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", std::string(target_of(what_.what))}};
    if (!ask_.body.empty()) ask_.headers.push_back({"Content-Encoding", "gzip"});
    else ask_.body.swap(what_.body);
    sent_ = core_->clock.wall_now();
    core_->sign(ask_, keys, sent_ + what_.skew);
    auto done = [self = shared_from_this()](const error_code& ec, const http::response& from, http::send_phase phase) {
        self->answered(ec, from, phase);
    };
    std::shared_ptr<const http::request> ask(shared_from_this(), &ask_);
    core_->client.async_request(std::move(ask), call{.deadline = deadline_}, std::move(done));
}

/// What the answer's `Date` says of the service's clock; that of a cache, or of whatever else stands in between, says nothing.
inline std::optional<clock_sight> clock_in(const http::response& from, http::wall_time sent, http::wall_time received) noexcept {
    const auto date = http::date_of(from, received);
    if (!date || !from["age"].empty() || from["x-amzn-requestid"].empty()) return std::nullopt;
    return clock_sight{milliseconds_of(*date), milliseconds_of(sent), milliseconds_of(received)};
}

KEDGE_DECL void log_sending::answered(const error_code& ec, const http::response& from, http::send_phase phase) noexcept {
    if (ec) return end(with_message(no_answer(phase >= http::send_phase::partial), ec.message(), core_->where));
    const raw_answer raw{from.status, from["x-amzn-requestid"], from["x-amzn-errortype"], from["x-amz-retry-after"], from.body};
    end(read_answer(what_.what, raw), clock_in(from, sent_, core_->clock.wall_now()));
}

KEDGE_DECL std::shared_ptr<https_log_core> make_https_log_core(const boost::asio::any_io_executor& ex, endpoint to,
                                                               std::string region, std::shared_ptr<credentials_provider> keys,
                                                               http::tls_options tls) {
    if (!keys) throw std::invalid_argument("kedge::aws: the transport has no provider of credentials");
    return std::make_shared<https_log_core>(ex, to, std::move(region), std::move(keys), std::move(tls));
}

}  // namespace detail

KEDGE_DECL void https_log_transport::start(log_request what, log_response_handler done) {
    std::make_shared<detail::log_sending>(core_, std::move(what), std::move(done))->start();
}

KEDGE_DECL pool_snapshot https_log_transport::connections() const { return core_->client.snapshot(); }

KEDGE_DECL void https_log_transport::refresh_credentials(kedge::detail::unique_function<void()> renewed) {
    auto done = [renewed = std::move(renewed), on = core_->client.get_executor()](const credentials_answer& got) mutable {
        if (got.keys) kedge::detail::post_to(on, std::move(renewed));
    };
    core_->provider->refresh(std::move(done));
}

}  // namespace kedge::aws
