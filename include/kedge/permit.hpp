// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/core/admission.hpp>
#include <kedge/runtime.hpp>

#include <cstdint>
#include <utility>

namespace kedge {

/** The right to make one call, given by a circuit breaker or a concurrency limit. It is how callbacks, gRPC and
 *  hand-written code use them:
 *  @code
 *  auto permit = breaker.try_acquire();
 *  if (!permit) return unavailable(permit.retry_after());
 *  …
 *  permit.success();
 *  @endcode
 *  It ends once: the first of `finish`, `success`, `failure`, `overload`, `neutral` counts, the others do nothing.
 *  Forgetting it is neutral by design: an abandoned operation, an exception or a cancelled call can neither wedge nor
 *  trip anything. Hold it until the operation has really ended, also after a timeout.
 *
 *  @par Lifetimes  It refers to what it came from without owning it: the last handle must outlive the permit.
 *  @par Thread safety  One permit belongs to one thread at a time; it may end on another thread than it began.
 */
class [[nodiscard]] permit {
public:
    /// What ends a permit. A plain function and a pointer, so that an admission costs no reference count.
    using settle_function = void (*)(void* source, std::uint64_t ticket, const core::outcome&) noexcept;

    /// An empty permit, which nobody refused: it stands for no call.
    permit() noexcept = default;

    /// @cond  made by breaker and limit
    permit(void* source, settle_function settle, std::uint64_t ticket, time_point started = {}, bool probes = false) noexcept
        : source_(source), settle_(settle), ticket_(ticket), started_(started), probes_(probes) {}

    static permit refused(refusal why, nanoseconds retry_after = nanoseconds::zero()) noexcept {
        permit none;
        none.why_ = why;
        none.retry_after_ = retry_after;
        return none;
    }
    /// @endcond

    permit(permit&& other) noexcept
        : source_(std::exchange(other.source_, nullptr)), settle_(other.settle_), ticket_(other.ticket_),
          started_(other.started_), retry_after_(other.retry_after_), why_(other.why_), probes_(other.probes_) {}

    permit& operator=(permit&& other) noexcept {
        permit taken(std::move(other));
        swap(taken);
        return *this;
    }

    ~permit() {
        if (source_) neutral();
    }

    /// Whether the call may be made. False again when the permit has ended.
    explicit operator bool() const noexcept { return source_ != nullptr; }

    /// Whether this call finds out if the dependency is back: of a half-open circuit breaker.
    bool probes() const noexcept { return probes_; }

    refusal why() const noexcept { return why_; }

    /// When it makes sense to come back; zero: unknown. Of a refusal only.
    nanoseconds retry_after() const noexcept { return retry_after_; }

    /** Says how the call ended.
     *  @param said   see `kedge::classify`
     *  @param ended  when; may be behind the time of the admission by the 10 ms that clocks differ
     *  @param cause  what snapshots and events will show as the last error */
    void finish(verdict said, time_point ended = kedge::coarse_now(), boost::system::error_code cause = {}) noexcept {
        if (void* source = std::exchange(source_, nullptr)) settle_(source, ticket_, {said, started_, ended, cause});
    }

    void success(time_point ended = kedge::coarse_now()) noexcept { finish({kind::success}, ended); }
    void failure(time_point ended = kedge::coarse_now()) noexcept { finish({kind::failure}, ended); }
    void overload(time_point ended = kedge::coarse_now()) noexcept { finish({kind::overload}, ended); }
    void neutral(time_point ended = kedge::coarse_now()) noexcept { finish({kind::neutral}, ended); }

private:
    void swap(permit& other) noexcept {
        std::swap(source_, other.source_);
        std::swap(settle_, other.settle_);
        std::swap(ticket_, other.ticket_);
        std::swap(started_, other.started_);
        std::swap(retry_after_, other.retry_after_);
        std::swap(why_, other.why_);
        std::swap(probes_, other.probes_);
    }

    void* source_ = nullptr;
    settle_function settle_ = nullptr;
    std::uint64_t ticket_ = 0;
    time_point started_{};
    nanoseconds retry_after_{0};
    refusal why_ = refusal::none;
    bool probes_ = false;
};

}  // namespace kedge
