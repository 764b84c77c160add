// SPDX-License-Identifier: BSL-1.0

#include "../support/catch.hpp"

#include <kedge/log/detail/spare_text.hpp>
#include <kedge/log/json_format.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <thread>

using namespace kedge::log;

namespace {

std::string python(const record& r) {
    std::string out;
    python_format(r, out);
    return out;
}

std::string json(const record& r) {
    std::string out;
    json_format(r, out);
    return out;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

record saying(std::string_view message) {
    record r;
    r.message = message;
    return r;
}

std::string json_message(std::string_view message) {
    const std::string before = R"({"time":"1970-01-01T00:00:00.000Z","level":"INFO","logger":"","message":")";
    const std::string all = json(saying(message));
    REQUIRE(all.substr(0, before.size()) == before);
    return all.substr(before.size(), all.size() - before.size() - 2);
}

struct escaping {
    const char* what;
    std::string_view given, python, json;
};

using namespace std::string_view_literals;

const escaping table[] = {
    {"plain text", "paid 19.90 EUR"sv, "paid 19.90 EUR"sv, "paid 19.90 EUR"sv},
    {"letters beyond ASCII", "Gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x92\xb3"sv, "Gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x92\xb3"sv,
     "Gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x92\xb3"sv},
    {"a forged second record", "a\n[INFO] b"sv, "a\\n[INFO] b"sv, "a\\n[INFO] b"sv},
    {"carriage return and tab", "a\r\tb"sv, "a\\r\\tb"sv, "a\\r\\tb"sv},
    {"NUL", "a\0b"sv, "a\\x00b"sv, "a\\u0000b"sv},
    {"ANSI escape", "\x1b[31mred"sv, "\\x1b[31mred"sv, "\\u001b[31mred"sv},
    {"DEL", "\x7f"sv, "\\x7f"sv, "\\u007f"sv},
    {"one byte control sequence introducer", "\xc2\x9b[2J"sv, "\\x9b[2J"sv, "\\u009b[2J"sv},
    {"next line", "\xc2\x85"sv, "\\x85"sv, "\\u0085"sv},
    {"line and paragraph separator", "\xe2\x80\xa8|\xe2\x80\xa9"sv, "\\u2028|\\u2029"sv, "\\u2028|\\u2029"sv},
    {"writing direction", "\xe2\x80\xae|\xe2\x81\xa6"sv, "\\u202e|\\u2066"sv, "\\u202e|\\u2066"sv},
    {"quote and backslash", "\"\\"sv, "\"\\"sv, "\\\"\\\\"sv},
    {"not UTF-8", "a\xff\xfe z"sv, "a\xef\xbf\xbd\xef\xbf\xbd z"sv, "a\xef\xbf\xbd\xef\xbf\xbd z"sv},
    {"overlong slash", "\xc0\xaf"sv, "\xef\xbf\xbd\xef\xbf\xbd"sv, "\xef\xbf\xbd\xef\xbf\xbd"sv},
    {"overlong newline of three bytes", "\xe0\x80\x8a"sv, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv,
     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv},
    {"surrogate", "\xed\xa0\x80"sv, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv},
    {"cut in the middle", "\xe2\x82"sv, "\xef\xbf\xbd\xef\xbf\xbd"sv, "\xef\xbf\xbd\xef\xbf\xbd"sv},
    {"beyond U+10FFFF", "\xf4\x90\x80\x80"sv, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv,
     "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv},
};

}  // namespace

TEST_CASE("whatever a message holds, it is one event of valid UTF-8", "[log]") {
    for (const escaping& one : table) {
        INFO(one.what);
        CHECK(python(saying(one.given)) == "[INFO] " + std::string(one.python));
        CHECK(json_message(one.given) == one.json);
    }
}

TEST_CASE("no single byte or pair of bytes gets out as a control character", "[log]") {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const char text[] = {static_cast<char>(first), static_cast<char>(second)};
            for (const std::string& out : {python(saying({text, 2})), json(saying({text, 2}))})
                if (std::any_of(out.begin(), out.end(), is_control)) FAIL("bytes " << first << ' ' << second);
        }
    }
}

TEST_CASE("a byte is treated alike at each place of a longer text", "[log]") {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string one(1, static_cast<char>(byte));
        for (std::size_t before = 0; before < 18; ++before) {
            const std::string left(before, '~'), right(17 - before, ' ');
            if (python(saying(left + one + right)) != "[INFO] " + left + python(saying(one)).substr(7) + right ||
                json_message(left + one + right) != left + json_message(one) + right)
                FAIL("byte " << byte << " behind " << before);
        }
    }
}

TEST_CASE("every part of a traceback is escaped", "[log]") {
    record r = saying("m");
    r.place = {"a\n.cpp", 3, "f\n"};
    r.source_line = "x\n";
    r.exception = "E\n";
    CHECK(python(r) == "[INFO] m\nTraceback (most recent call last):\n  File \"a\\n.cpp\", line 3, in f\\n\n    x\\n\nE\\n");
}

TEST_CASE("what a formatter made is not dressed again, and is no second line of JSON", "[log]") {
    record r = saying("[ERROR] no\nTraceback (most recent call last):");
    r.formatted = true;
    r.exception = "left out";
    CHECK(python(r) == r.message);
    CHECK(json(r).find("[ERROR] no\\nTraceback") != std::string::npos);
    r.message = R"({"_aws":{}})";
    CHECK(json(r) == r.message);
    r.message = "{\n}";
    CHECK(json(r) != r.message);
}

TEST_CASE("JSON lines carry all that a record has", "[log]") {
    using namespace std::chrono_literals;
    const std::array fields{field{"used", 20}, field{"wait_ms", 2.5}, field{"down", true}, field{"who", "a\"b"},
                            field{"odd", std::numeric_limits<double>::infinity()}};
    record r = saying("m");
    r.time = wall_time(1761492406000ms + 7ms);
    r.severity = level::error;
    r.logger = "kedge.test";
    r.fields = fields;
    r.error = kedge::errc::pool_exhausted;
    r.place = {"a.cpp", 12, "void shop::checkout(int)"};
    r.source_line = "pay();";
    r.exception = "E";
    CHECK(json(r) ==
          R"({"time":"2025-10-26T15:26:46.007Z","level":"ERROR","logger":"kedge.test","message":"m",)"
          R"("fields":{"used":20,"wait_ms":2.5,"down":true,"who":"a\"b","odd":null},)"
          R"("error":{"category":"kedge","code":3,"message":"connection pool exhausted"},)"
          R"("place":{"file":"a.cpp","line":12,"function":"checkout","source":"pay();"},"exception":"E"})");
}

TEST_CASE("a time before 1970 is a date too", "[log]") {
    record r;
    r.time = wall_time(std::chrono::milliseconds(-1));
    CHECK(json(r).substr(0, 34) == R"({"time":"1969-12-31T23:59:59.999Z")");
}

TEST_CASE("a function's name is its last identifier", "[log]") {
    CHECK(short_function("checkout") == "checkout");
    CHECK(short_function("boost::asio::awaitable<void> shop::checkout(int)") == "checkout");
    CHECK(short_function("void checkout(checkout()::_Z8checkoutv.Frame*)") == "checkout");
    CHECK(short_function("static T* shop::make<T>(std::function<void (int)>) [with T = int]") == "make");
    CHECK(short_function("void shop::pay<std::function<void(int)> >()") == "pay");
    CHECK(short_function("void (anonymous namespace)::pay(int)") == "pay");
    CHECK(short_function("main()::<lambda(auto:1)>") == "main");
    CHECK(short_function("operator()") == "operator()");
    CHECK(short_function("") == "<unknown>");
    CHECK(short_function(">") == "<unknown>");
}

TEST_CASE("a thread uses the memory of a text again, but for one that is large or in use", "[log]") {
    using kedge::log::detail::spare_text;
    const auto use = [](std::size_t size) { (*spare_text()).assign(size, 'x'); };
    use(10'000);
    {
        spare_text first, second;
        CHECK((*first).empty());
        CHECK((*first).capacity() >= 10'000);
        CHECK((*second).capacity() < 10'000);
        (*first).assign(100'000, 'x');
    }
    CHECK((*spare_text()).capacity() < 10'000);
}

TEST_CASE("a thread may still format while its objects are destroyed", "[log]") {
    static bool wrote = false;
    struct last_words {
        ~last_words() {
            kedge::log::detail::spare_text text;
            python_format(saying("a word that is longer than what fits into a string itself"), *text);
            wrote = (*text).size() > 32 && (*text).capacity() < 1000;
        }
    };
    std::thread([] {
        static thread_local last_words last;
        (void)&last;
        (*kedge::log::detail::spare_text()).assign(1000, 'x');
    }).join();
    CHECK(wrote);
}
