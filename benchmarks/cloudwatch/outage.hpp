// SPDX-License-Identifier: BSL-1.0
#pragma once

// A minute without the service at 20,000 events a second, in virtual time; what is measured of memory is real.

#include "sinks.hpp"

#include <kedge/testing/simulation.hpp>
#include <kedge/timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <utility>

#include <malloc.h>
#include <unistd.h>

namespace kedge_bench {

inline constexpr double mebibyte = 1 << 20;

/// Memory of this process that is really there, in MiB.
inline double resident() {
    std::size_t whole = 0, pages = 0;
    std::ifstream("/proc/self/statm") >> whole >> pages;
    return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / mebibyte;
}

struct outage_plan {
    kedge::nanoseconds before = 5s, length = 60s;
    int per_ms = 20;
};

struct outage_figures {
    double counted = 0;       ///< the sink's own high-water mark, MiB
    double resident = 0;      ///< what the process grew by at most, MiB
    double found_after = 0;   ///< seconds from the end of the outage until the first acknowledgement
    double drained_after = 0; ///< seconds from there until all is acknowledged that had waited
    double dropped = 0;       ///< events
};

/// Nobody is reached within a millisecond while it is down; else it answers after 20 ms.
class moody_transport final : public aws::log_transport {
public:
    explicit moody_transport(kedge::testing::simulation& sim) : sim_(sim) {}

    void start(aws::log_request what, aws::log_response_handler done) override {
        aws::log_response response;
        response.answer = aws::detail::no_answer(false);
        if (!down) response.answer.kind = aws::answer_kind::accepted;
        response.body = std::move(what.body);
        kedge::async_sleep(sim_, down ? kedge::nanoseconds(1ms) : kedge::nanoseconds(20ms),
                           [done = std::move(done), response = std::move(response)](kedge::error_code) mutable {
                               done(std::move(response));
                           });
    }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

    bool down = false;

private:
    kedge::testing::simulation& sim_;
};

class outage {
public:
    outage(std::uint64_t seed, const outage_plan& plan) : plan_(plan), sim_(seed) {
        ::malloc_trim(0);
        before_ = resident();
        aws::cloudwatch_options o{.group = "shop", .stream = "web-1"};
        o.max_events = 1'000'000;  // so that memory alone bounds it
        sink_ = std::make_unique<aws::cloudwatch_sink>(sim_, o, transport_);
    }

    outage_figures play() {
        write_for(plan_.before);
        transport_->down = true;
        write_for(plan_.length);
        transport_->down = false;
        const kedge::time_point end = sim_.now();
        const std::uint64_t acked = now().acked;
        while (now().acked == acked) write_for(1ms);
        const kedge::time_point found = sim_.now();
        const std::uint64_t waited = now().acked + now().pending;
        while (now().acked < waited) write_for(1ms);
        const aws::delivery_counters c = now();
        return {static_cast<double>(c.most_bytes) / mebibyte, most_resident_ - before_, seconds(found - end),
                seconds(sim_.now() - found), static_cast<double>(c.dropped.total())};
    }

private:
    static double seconds(kedge::nanoseconds t) { return std::chrono::duration<double>(t).count(); }
    aws::delivery_counters now() const { return sink_->delivery(); }

    void write_for(kedge::nanoseconds span) {
        for (; span > 0ms; span -= 1ms, ++ms_) {
            kedge::log::record what = usual_record();
            what.time = kedge::log::wall_time(sim_.elapsed());
            for (int i = 0; i < plan_.per_ms; ++i) sink_->write(what);
            sim_.run_for(1ms);
            if (ms_ % 100 == 0) most_resident_ = std::max(most_resident_, resident());
        }
    }

    const outage_plan plan_;
    kedge::testing::simulation sim_;
    std::shared_ptr<moody_transport> transport_ = std::make_shared<moody_transport>(sim_);
    std::unique_ptr<aws::cloudwatch_sink> sink_;
    double before_ = 0, most_resident_ = 0;
    int ms_ = 0;
};

}  // namespace kedge_bench
