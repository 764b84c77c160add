// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/credentials_chain.hpp>
#include <kedge/aws/delivery_counters.hpp>
#include <kedge/aws/emf.hpp>
#include <kedge/aws/spool_options.hpp>
#include <kedge/core/breaker_snapshot.hpp>
#include <kedge/core/health.hpp>
#include <kedge/core/pool_snapshot.hpp>
#include <kedge/database/snapshot.hpp>
#include <kedge/log/sink.hpp>
#include <kedge/payment/snapshot.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kedge::aws {

struct emf_reporter_options {
    std::string name_space = "kedge";  ///< as @ref emf_builder wants it
    std::string application{};         ///< whose metrics these are, a dimension of all; empty: none
};

/** Says as metrics what kedge knows of its pools, queues, circuit breakers, health checks and clients.
 *
 *  @code
 *  kedge::aws::emf_reporter metrics{{.application = "checkout"}};
 *  for (;;) {                                            // each minute, say
 *      co_await kedge::async_sleep(io, 1min, asio::use_awaitable);
 *      for (const std::string& line : metrics.report("payments", payments.snapshot(), runtime.wall_now())) …
 *  }
 *  @endcode
 *
 *  States are reported as they are: a state is a metric of 0 or 1, so that its average is the share of the time. Totals are
 *  reported as what came since the reading before of that name, so that a sum over any time is right, and a restart does no
 *  harm. The names are in docs/reference/cloudwatch.md. Each document is one log event of its own.
 *
 *  @par Exceptions   `std::bad_alloc`; names that CloudWatch does not take are repaired
 *  @par Thread safety  None: one thread, or one strand, at a time.
 */
class emf_reporter {
public:
    /// @throws std::invalid_argument if the namespace is none
    explicit emf_reporter(emf_reporter_options = {});

    /// @param name  of the pool, the breaker, …: a dimension; empty: none
    std::vector<std::string> report(std::string_view name, const pool_snapshot&, log::wall_time when);
    std::vector<std::string> report(std::string_view name, const breaker_snapshot&, log::wall_time when);
    std::vector<std::string> report(std::string_view name, const health_snapshot&, log::wall_time when);
    std::vector<std::string> report(std::string_view name, const log::sink_counters&, log::wall_time when);
    /// Of a stream: where its events went, and how far it is behind.
    std::vector<std::string> report(std::string_view name, const delivery_counters&, log::wall_time when);
    std::vector<std::string> report(std::string_view name, const spool_counters&, log::wall_time when);
    std::vector<std::string> report(std::string_view name, const credentials_snapshot&, log::wall_time when);
    /// With those of its two circuit breakers, NAME and NAME.reads, and of its health.
    std::vector<std::string> report(std::string_view name, const payment_snapshot&, log::wall_time when);
    /// With those of its pool, its circuit breaker and its health.
    std::vector<std::string> report(std::string_view name, const database_snapshot&, log::wall_time when);

private:
    emf_builder begin(std::string_view kind, std::string_view name, log::wall_time when) const;
    void add_total(emf_builder&, std::string_view metric, std::string_view name, std::uint64_t total,
                   metric_unit unit = metric_unit::count);
    template <class Reason, std::size_t Count>
    void add_reasons(emf_builder&, std::string metric, std::string_view name, const counts_by<Reason, Count>&);

    emf_reporter_options options_;
    std::map<std::string, std::uint64_t> totals_{};  // by metric and name
};

}  // namespace kedge::aws

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/aws/impl/emf_reporter.ipp>
#endif
