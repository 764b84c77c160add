// SPDX-License-Identifier: BSL-1.0
// The bridge to spdlog, against a stand-in with the overloads that spdlog's logger has.
#include "../support/catch.hpp"

#include <kedge/log/fallback_sink.hpp>
#include <kedge/log/json_format.hpp>
#include <kedge/log/memory_sink.hpp>
#include <kedge/log/spdlog_sink.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace spdlog {

namespace level {
enum level_enum : int { trace, debug, info, warn, err, critical, off };
}

/// As fmt's: a type of its own, made of the standard's.
struct string_view_t {
    string_view_t(std::string_view text) : text(text) {}
    std::string_view text;
};
struct source_loc {};

/// What is filled in: a text that got here was taken for a pattern.
template <class... Args> struct format_string_t {
    template <class T> requires std::is_convertible_v<const T&, std::string_view> format_string_t(const T& text) : text(text) {}
    std::string_view text;
};

class logger {
public:
    std::vector<std::string> lines{};
    level::level_enum least = level::trace;
    bool throws = false, strange = false;
    int flushes = 0;

    template <class... Args> void log(source_loc, level::level_enum, format_string_t<Args...>, Args&&...) {
        lines.push_back("filled in");
    }
    template <class... Args> void log(level::level_enum severity, format_string_t<Args...> pattern, Args&&... values) {
        log(source_loc{}, severity, pattern, std::forward<Args>(values)...);
    }
    template <class T> void log(level::level_enum severity, const T& what) { log(source_loc{}, severity, what); }
    void log(source_loc, level::level_enum severity, string_view_t text) {
        if (throws) throw std::runtime_error("disk full");
        if (strange) throw 7;
        if (should_log(severity)) lines.push_back(std::to_string(severity) + " " + std::string(text.text));
    }
    void log(level::level_enum severity, string_view_t text) { log(source_loc{}, severity, text); }

    bool should_log(level::level_enum severity) const { return severity >= least; }
    level::level_enum level() const { return least; }
    void flush() {
        ++flushes;
        if (throws) throw std::runtime_error("disk full");
    }
};

}  // namespace spdlog

using namespace kedge::log;
using texts = std::vector<std::string>;

namespace {

/// As spdlog's since it can be built with the standard's formatting: its texts are the standard's.
struct standard_logger {
    enum class level_enum { trace, debug, info, warn, err, critical, off };
    texts lines{};

    template <class T> void log(level_enum severity, const T& what) { log(0, severity, what); }
    void log(level_enum severity, std::string_view text) { log(0, severity, text); }
    void log(int, level_enum severity, std::string_view text) {
        lines.push_back(std::to_string(static_cast<int>(severity)) + " " + std::string(text));
    }
    bool should_log(level_enum) const { return true; }
    level_enum level() const { return level_enum::info; }
    void flush() {}
};

}  // namespace

TEST_CASE("spdlog gets each level as its own, the text without a second one, and never as a pattern", "[log]") {
    const auto logger = std::make_shared<spdlog::logger>();
    spdlog_sink<spdlog::logger> sink(logger);
    const auto standard = std::make_shared<standard_logger>();
    spdlog_sink<standard_logger> other(standard);
    const char* const said[] = {"0 {}", "1 {}", "2 {}", "3 {}", "4 {}", "5 {}"};
    for (const level severity : {level::trace, level::debug, level::info, level::warning, level::error, level::critical})
        for (kedge::log::sink* to : {static_cast<kedge::log::sink*>(&sink), static_cast<kedge::log::sink*>(&other)})
            CHECK(submit(*to, {.severity = severity, .message = "{}"}));
    CHECK(logger->lines == texts(std::begin(said), std::end(said)));
    CHECK(standard->lines == logger->lines);
    CHECK(sink.counters().written == 6);
    CHECK(sink.counters().lost() == 0);
    sink.flush();
    CHECK(logger->flushes == 1);
}

TEST_CASE("what spdlog is given has its traceback, no line of its own, and any other format that is wanted", "[log]") {
    const auto logger = std::make_shared<spdlog::logger>();
    spdlog_sink<spdlog::logger> sink(logger), json(logger, json_format);
    sink.write({.severity = level::error, .message = "no\nstock", .exception = "OutOfStock: 7"});
    sink.write({.severity = level::error, .message = "[ERROR] as it is", .formatted = true});
    json.write({.message = "hello"});
    REQUIRE(logger->lines.size() == 3);
    CHECK(logger->lines[0].starts_with("4 no\\nstock\nTraceback (most recent call last):\n  File \""));
    CHECK(logger->lines[0].ends_with("\nOutOfStock: 7"));
    CHECK(logger->lines[1] == "4 [ERROR] as it is");
    CHECK(logger->lines[2].starts_with("2 {\"time\":"));
}

TEST_CASE("spdlog's level is asked first, and what it does not want is not written", "[log]") {
    const auto logger = std::make_shared<spdlog::logger>();
    spdlog_sink<spdlog::logger> sink(logger);
    logger->least = spdlog::level::err;
    CHECK_FALSE(sink.should_log(level::warning));
    CHECK(sink.should_log(level::error));
    CHECK_FALSE(submit(sink, {.severity = level::warning, .message = "asked"}));
    sink.write({.severity = level::warning, .message = "given all the same"});
    logger->least = spdlog::level::off;
    CHECK_FALSE(sink.should_log(level::critical));
    CHECK(logger->lines.empty());
    CHECK(sink.counters().dropped == 1);
}

TEST_CASE("whatever a logger throws stays inside and counts, so a fallback takes over", "[log]") {
    const auto logger = std::make_shared<spdlog::logger>();
    const auto sink = std::make_shared<spdlog_sink<spdlog::logger>>(logger);
    const auto console = std::make_shared<memory_sink>();
    fallback_sink both(sink, console);
    logger->throws = true;
    both.write({.severity = level::error, .message = "lost"});
    CHECK(console->events().back() == "[ERROR] lost");
    sink->flush();
    logger->throws = false, logger->strange = true;
    sink->write({.message = "lost"});
    CHECK(sink->counters().failed == 2);
    CHECK(sink->counters().written == 0);
    CHECK_THROWS_AS(spdlog_sink<spdlog::logger>(nullptr), std::invalid_argument);
}
