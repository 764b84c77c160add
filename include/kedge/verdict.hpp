// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/verdict.hpp>
#include <kedge/error.hpp>

#include <boost/asio/error.hpp>

#include <concepts>
#include <utility>

namespace kedge {

namespace detail {

constexpr verdict classify_own(errc e) noexcept {
    switch (e) {
    case errc::circuit_open:
    case errc::limit_full:
    case errc::pool_exhausted:
    case errc::pool_closed:
    case errc::deadline_too_short: return {kind::neutral, replay::never};
    case errc::timed_out: return {kind::failure, replay::if_idempotent};
    case errc::deadline_exceeded:
    case errc::operation_threw:
    case errc::commit_unknown: return {kind::failure, replay::never};
    }
    return {kind::failure, replay::never};
}

}  // namespace detail

/** Judges an error code that comes from kedge, Asio or the operating system.
 *
 *  Cancelled by the caller or refused by kedge: neutral. Certainly not sent (connection refused, name not found, host
 *  unreachable): failure, may always be repeated. Sent or unknown (timeout, reset, end of stream): failure, to be
 *  repeated only if that is harmless. Anything else: failure, not repeated.
 */
inline verdict classify(const error_code& ec) noexcept {
    namespace net = boost::asio::error;
    if (!ec) return {};
    if (ec.category() == category()) return detail::classify_own(static_cast<errc>(ec.value()));
    if (ec == net::operation_aborted) return {kind::neutral, replay::never};
    if (ec == net::connection_refused || ec == net::host_not_found || ec == net::host_not_found_try_again ||
        ec == net::host_unreachable || ec == net::network_unreachable)
        return {kind::failure, replay::always};
    if (ec == net::connection_reset || ec == net::connection_aborted || ec == net::eof || ec == net::broken_pipe ||
        ec == net::timed_out || ec == net::not_connected)
        return {kind::failure, replay::if_idempotent};
    return {kind::failure, replay::never};
}

/** Gives a pipeline its own judgement: `kedge::classify_by{[](const error_code&, const reply&) noexcept -> verdict {…}}`
 *  as the first argument after the context. It applies to every policy inside. */
template <class F> struct classify_by {
    F judge;
};
template <class F> classify_by(F) -> classify_by<F>;

namespace detail {

struct no_classifier {};

template <class... Ts>
concept judges_itself = requires(const error_code& ec, const Ts&... values) {
    { kedge_classify(ec, values...) } noexcept -> std::same_as<verdict>;
};

/// The pipeline's own classifier, else the result's (found by ADL), else that of the code alone.
template <class Classifier, class... Ts>
verdict judge(const Classifier& own, const error_code& ec, const Ts&... values) noexcept {
    if constexpr (!std::is_same_v<Classifier, no_classifier>) {
        static_assert(noexcept(own(ec, values...)), "a classifier must be noexcept and take (error_code, const Ts&...)");
        return own(ec, values...);
    } else if constexpr (judges_itself<Ts...>) {
        return kedge_classify(ec, values...);
    } else {
        return classify(ec);
    }
}

}  // namespace detail
}  // namespace kedge
