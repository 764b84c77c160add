// SPDX-License-Identifier: BSL-1.0
// What logging to CloudWatch costs who writes, what it costs to ship events, and what an outage costs.

#include "outage.hpp"
#include "producers.hpp"
#include "ship.hpp"

#include <support/harness.hpp>
#include <support/wall_rows.hpp>
#include <survival/figures.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace kedge_bench;

namespace {

/// Rows that are measured together.
bool asked_for(const plan& p, const std::string& rows) {
    return p.wanted(rows + "/") || p.filter.find(rows) != std::string::npos;
}

/// In virtual time, so that the load of the machine does not matter.
void play_outage(const plan& p) {
    const survival::figures out(p.filter);
    if (!asked_for(p, "cloudwatch/outage")) return;
    outage_plan plan;
    if (p.smoke) plan = {1s, 3s, 20};
    std::vector<double> counted, grown, found, drained, dropped;
    for (int seed = 1; seed <= p.repetitions; ++seed) {
        const outage_figures f = outage(static_cast<std::uint64_t>(seed), plan).play();
        counted.push_back(f.counted), grown.push_back(f.resident), found.push_back(f.found_after);
        drained.push_back(f.drained_after), dropped.push_back(f.dropped);
    }
    const double most = *std::ranges::max_element(counted);
    const survival::goal allowed{.bound = 8, .reached = most};
    out.print({.name = "cloudwatch/outage/most_memory", .unit = "MiB", .values = counted, .wanted = allowed});
    out.print({.name = "cloudwatch/outage/process_grows", .unit = "MiB", .values = grown});
    out.print({.name = "cloudwatch/outage/found_free_after", .unit = "s", .values = found});
    out.print({.name = "cloudwatch/outage/drained_after", .unit = "s", .values = drained});
    out.print({.name = "cloudwatch/outage/dropped", .unit = "events", .values = dropped});
}

struct waits {
    std::vector<double> p99, p999;

    void add(const write_waits& w) {
        p99.push_back(w.p99);
        p999.push_back(w.p999);
    }
    void print(const std::string& name, const std::string& baseline = {}, const waits& of_baseline = {}) const {
        print_row({name, producers, baseline}, "/p99", "us", p99, of_baseline.p99, 0);
        print_row({name, producers, baseline}, "/p99.9", "us", p999, of_baseline.p999, 0);
    }

    static constexpr int producers = 4, per_second = 20'000;
};

/// Nobody listens where the service was. A new sink each time, with room for what comes or with none.
write_waits write_while_down(const plan& p, const std::string& url, bool full) {
    background context;
    aws::cloudwatch_sink sink(context.io, {.group = "shop", .stream = "web-1"}, transport_to(context.io, url));
    while (full && sink.delivery().dropped.total() == 0) sink.write(usual_record());
    return write_together(sink, waits::producers, waits::per_second, p.length);
}

void play_writes(const plan& p) {
    if (!asked_for(p, "log/write/down")) return;
    aws_test::cloudwatch_service service;
    service.down();
    waits hand, room, full;
    for (int i = 0; i < p.repetitions; ++i) {
        hand_sink by_hand(true);
        hand.add(write_together(by_hand, waits::producers, waits::per_second, p.length));
        room.add(write_while_down(p, service.url(), false));
        full.add(write_while_down(p, service.url(), true));
    }
    hand.print("hand/log_queue/4_producers");
    room.print("log/write/down", "hand/log_queue/4_producers", hand);
    full.print("log/write/down/full", "hand/log_queue/4_producers", hand);
}

void play_shipping(const plan& p) {
    if (!asked_for(p, "cloudwatch/ship")) return;
    aws_test::cloudwatch_service service;
    service.obey({.remembers = false});
    service.make_stream("shop", "web-1");
    beast_shipping beast(service);
    sink_shipping sink(service);
    const std::uint64_t events = beast_shipping::events_each * (p.smoke ? 1 : 20);
    std::vector<double> cpu, wall, beast_cpu, beast_wall;
    double allocated = 0;
    sink(events);
    for (int i = 0; i < p.repetitions; ++i) {
        beast.sign();
        const shipping_cost bare = measure_shipping(events, beast), whole = measure_shipping(events, sink);
        beast_cpu.push_back(bare.cpu_ns), beast_wall.push_back(bare.wall_ns);
        cpu.push_back(whole.cpu_ns), wall.push_back(whole.wall_ns);
        allocated = whole.allocations;
    }
    print_row({"beast/ship"}, "", "ns", beast_cpu, {}, 0);
    print_row({"beast/ship"}, "/wall", "ns", beast_wall, {}, 0);
    print_row({.name = "cloudwatch/ship", .baseline = "beast/ship", .target = 1000}, "", "ns", cpu, beast_cpu, 0, allocated);
    print_row({"cloudwatch/ship", 1, "beast/ship"}, "/wall", "ns", wall, beast_wall, 0);
}

work writing_to(kedge::log::sink& to) {
    return [&to, what = usual_record()](int, std::uint64_t n) {
        for (std::uint64_t i = 0; i < n; ++i) to.write(what);
    };
}

void play_submitting(suite s) {
    background context;
    aws::cloudwatch_sink sink(context.io, roomy(), std::make_shared<taking_transport>(context.io));
    hand_sink hand;
    const auto delivered = [&sink] {
        sink.flush();
        while (sink.delivery().pending > 0) std::this_thread::sleep_for(100us);
    };
    const auto taken = [&hand] { hand.settle(); };
    const work format = [what = usual_record()](int, std::uint64_t n) {
        std::string text;
        for (std::uint64_t i = 0; i < n; ++i) {
            text.clear();
            kedge::log::python_format(what, text);
            keep(text);
        }
    };
    s.add({.name = "hand/log_format", .run = format});
    s.add({.name = "hand/log_queue", .run = writing_to(hand), .settle = taken});
    s.add({.name = "hand/log_queue/2_threads", .baseline = "hand/log_queue", .run = writing_to(hand), .threads = 2,
           .settle = taken});
    s.add({.name = "log/submit", .baseline = "hand/log_queue", .run = writing_to(sink), .target = 130, .settle = delivered});
    s.add({.name = "log/submit/2_threads", .baseline = "hand/log_queue/2_threads", .run = writing_to(sink), .threads = 2,
           .target = 195, .settle = delivered});
    s.play();
    if (sink.delivery().dropped.total() > 0) throw std::runtime_error("log/submit: the queue was full");
}

}  // namespace

int main(int argc, char** argv) {
    const plan p(argc, argv);
    play_outage(p);
    play_writes(p);
    play_shipping(p);
    play_submitting(suite(argc, argv));
}
