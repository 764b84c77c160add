// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/log/detail/tally.hpp>

#include <boost/assert/source_location.hpp>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace kedge::testing {

/// A log record that owns what it refers to. The names in `place` have static storage anyway.
struct recorded {
    log::wall_time time{};
    log::level severity{};
    std::string logger{}, message{}, source_line{}, exception{};
    std::vector<std::pair<std::string, std::variant<std::int64_t, double, bool, std::string>>> fields{};
    boost::source_location place{};
    error_code error{};

    explicit recorded(const log::record& r)
        : time(r.time),
          severity(r.severity),
          logger(r.logger),
          message(r.message),
          source_line(r.source_line),
          exception(r.exception),
          place(r.place),
          error(r.error) {
        for (const log::field& f : r.fields) {
            fields.emplace_back(std::string(f.name), std::int64_t{});
            std::visit([&](const auto& value) { keep(fields.back().second, value); }, f.value);
        }
    }

private:
    template <class To, class Value> static void keep(To& to, const Value& value) {
        if constexpr (std::is_same_v<Value, std::string_view>) to = std::string(value);
        else to = value;
    }
};

/// A sink that keeps records whole, for tests; and one that can be told to fail. Thread-safe.
class recording_sink final : public log::sink {
public:
    /// The next `count` records are lost and counted as dropped.
    void lose(int count) {
        std::lock_guard lock(mutex_);
        to_lose_ = count;
    }

    void write(const log::record& r) noexcept override {  // out of memory ends the test
        std::lock_guard lock(mutex_);
        if (to_lose_ > 0) {
            --to_lose_;
            return tally_.dropped();
        }
        records_.emplace_back(r);
        tally_.wrote();
    }

    log::sink_counters counters() const noexcept override { return tally_.read(); }

    std::vector<recorded> records() const {
        std::lock_guard lock(mutex_);
        return records_;
    }

    /// How many records have exactly this message.
    int count(std::string_view message) const {
        std::lock_guard lock(mutex_);
        return static_cast<int>(
            std::count_if(records_.begin(), records_.end(), [&](const recorded& r) { return r.message == message; }));
    }

private:
    mutable std::mutex mutex_;
    std::vector<recorded> records_;
    int to_lose_ = 0;
    log::detail::tally tally_;
};

}  // namespace kedge::testing
