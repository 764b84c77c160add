// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/aws/cloudwatch_sink.hpp>
#include <kedge/aws/detail/json_text.hpp>
#include <kedge/call.hpp>
#include <kedge/detail/config.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace kedge::aws {
namespace detail {

inline void require(bool right, const char* member, const std::string& value, const char* accepted) {
    if (!right)
        throw std::invalid_argument(std::string("kedge::aws::cloudwatch_options: ") + member + " = " + value +
                                    ", but it must be " + accepted);
}

inline bool is_group(std::string_view name) noexcept {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view(".-_/#").find(c) != std::string_view::npos;
    };
    return !name.empty() && name.size() <= 512 && !name.starts_with("aws/") && std::all_of(name.begin(), name.end(), fits);
}

inline bool is_stream(std::string_view name) noexcept {
    return !name.empty() && name.size() <= 512 && name.find_first_of(":*") == std::string_view::npos && measure(name).broken == 0;
}

inline bool is_retention(int days) noexcept {
    constexpr std::array taken = {0,   1,   3,   5,   7,   14,  30,   60,   90,   120,  150, 180,
                                  365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};
    return std::find(taken.begin(), taken.end(), days) != taken.end();
}

/// From the kernel, since the children of one process would draw the same from a generator that they inherited.
inline std::uint64_t random_id(runtime& rt) {
    std::array<std::byte, sizeof(std::uint64_t)> bytes{};
    rt.random_bytes(bytes);
    return std::max<std::uint64_t>(std::bit_cast<std::uint64_t>(bytes), 1);
}

/// Eight segments, each with room for the largest event twice.
inline constexpr std::size_t least_spool_bytes = 16 * 1024 * 1024;

KEDGE_DECL std::shared_ptr<delivery_shell> make_shell(const boost::asio::any_io_executor& ex, const cloudwatch_options& o,
                                                      std::shared_ptr<log_transport> transport) {
    require(is_group(o.group), "group", '"' + o.group + '"', "1 to 512 of .-_/#A-Za-z0-9 and not begin with aws/");
    require(is_stream(o.stream), "stream", '"' + o.stream + '"', "1 to 512 bytes of UTF-8 without : and *");
    require(o.max_bytes >= 64 * 1024, "max_bytes", std::to_string(o.max_bytes), "65536 or more");
    require(o.max_events >= 1, "max_events", std::to_string(o.max_events), "1 or more");
    require(o.linger >= nanoseconds::zero(), "linger", to_string(o.linger), "0 or more");
    require(o.max_in_flight >= 1 && o.max_in_flight <= most_flights, "max_in_flight", std::to_string(o.max_in_flight), "1 to 8");
    require(is_retention(o.retention_days), "retention_days", std::to_string(o.retention_days),
            "0 or a number of days that the service knows: 1, 3, 5, 7, 14, 30, 60, 90, ... 3653");
    require(o.format != nullptr, "format", "null", "a formatter");
    require(o.spool.directory.empty() || o.spool.max_bytes >= least_spool_bytes, "spool.max_bytes",
            std::to_string(o.spool.max_bytes), "16777216 or more");
    require(transport != nullptr, "transport", "null", "given");
    delivery_rules rules;
    rules.queue = {o.max_bytes, o.max_events, o.when_full, o.linger, std::min(o.linger, queue_rules{}.urgent_linger)};
    rules.max_in_flight = o.max_in_flight;
    rules.create = o.create;
    rules.retention_days = o.retention_days;
    rules.clamp_too_new = o.clamp_too_new;
    rules.gzip = o.gzip;
    rules.format = o.format;
    if (o.number_events) rules.process_id = random_id(runtime::of(ex));
    else rules.numbers_from = runtime::of(ex).random();
    const log_target target{o.group, o.stream};
    rules.frame_bytes = detail::frame_bytes(target);
    std::shared_ptr<spool> disk;
    if (!o.spool.directory.empty()) disk = std::make_shared<spool>(o.spool, o.when_full, runtime::of(ex).random());
    auto made = std::make_shared<delivery_shell>(ex, rules, target, std::move(transport),
                                                 delivery_hooks{o.fallback, o.dead_letters, o.redact}, std::move(disk));
    made->begin();
    return made;
}

}  // namespace detail

KEDGE_DECL log::sink_counters cloudwatch_sink::counters() const noexcept {
    const delivery_counters now = delivery();
    return {now.offered - now.dropped.total(), now.dropped.total(), now.rejected.total()};
}

}  // namespace kedge::aws
