// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "cloudwatch_service.hpp"

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

// Reads the body of a request to the service, strictly: what CloudWatch's parser might forgive is an error here.

namespace aws_test {

/// An error that the service answers with.
struct refusal {
    std::string code, message;
    int status = 400;
};

struct log_call {
    std::map<std::string, std::string> texts{};
    std::map<std::string, std::int64_t> numbers{};
    std::optional<std::vector<stored_event>> events{};
};

/// JSON of members that are texts, whole numbers or, called `logEvents`, a list of events.
class request_reader {
public:
    explicit request_reader(std::string_view text) : text_(text) {}

    log_call read() {
        log_call out;
        object([&](std::string name) {
            if (name == "logEvents") return keep(out.events, read_events());
            if (peek() == '"') return insert(out.texts, std::move(name), string());
            insert(out.numbers, std::move(name), number());
        });
        skip();
        want(at_ == text_.size(), "something follows");
        return out;
    }

private:
    [[noreturn]] static void fail(const std::string& what) { throw refusal{"SerializationException", what}; }
    static void want(bool held, const char* otherwise) {
        if (!held) fail(otherwise);
    }
    static void keep(std::optional<std::vector<stored_event>>& to, std::vector<stored_event> what) {
        want(!to, "logEvents twice");
        to = std::move(what);
    }
    template <class Map, class Value> static void insert(Map& to, std::string name, Value value) {
        want(to.emplace(std::move(name), std::move(value)).second, "a member twice");
    }

    void skip() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    }
    char peek() {
        skip();
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool accept(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }
    void expect(char c) {
        if (!accept(c)) fail(std::string("no ") + c + " at " + std::to_string(at_));
    }

    template <class Member> void object(Member member) {
        expect('{');
        if (accept('}')) return;
        do {
            std::string name = string();
            expect(':');
            member(std::move(name));
        } while (accept(','));
        expect('}');
    }

    std::vector<stored_event> read_events() {
        std::vector<stored_event> out;
        expect('[');
        if (accept(']')) return out;
        do {
            out.push_back(event());
        } while (accept(','));
        expect(']');
        return out;
    }

    stored_event event() {
        stored_event out;
        bool timed = false, told = false;
        object([&](const std::string& name) {
            if (name == "timestamp" && !timed) timed = true, out.time_ms = number();
            else if (name == "message" && !told) told = true, out.text = string();
            else fail("a member " + name);
        });
        want(timed && told, "an event without timestamp or message");
        return out;
    }

    std::int64_t number() {
        skip();
        std::int64_t value = 0;
        const auto [end, failed] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
        want(failed == std::errc(), "no whole number");
        at_ = static_cast<std::size_t>(end - text_.data());
        return value;
    }

    std::string string() {
        expect('"');
        std::string out;
        for (;;) {
            const std::size_t from = at_;
            while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' && byte() >= 0x20) ++at_;
            out += text_.substr(from, at_ - from);
            want(at_ < text_.size() && byte() >= 0x20, "a string without end");
            if (text_[at_++] == '"') break;
            escape(out);
        }
        want(is_utf8(out), "no UTF-8");
        return out;
    }
    std::uint8_t byte() const { return static_cast<std::uint8_t>(text_[at_]); }

    void escape(std::string& out) {
        constexpr std::string_view names = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
        want(at_ < text_.size(), "half an escape");
        const char name = text_[at_++];
        if (const std::size_t i = names.find(name); i != std::string_view::npos) return void(out += meant[i]);
        want(name == 'u', "an unknown escape");
        std::uint32_t code = unit();
        if (code >= 0xd800 && code < 0xdc00) {
            want(text_.substr(at_, 2) == "\\u", "half a pair");
            at_ += 2;
            const std::uint32_t low = unit();
            want(low >= 0xdc00 && low < 0xe000, "half a pair");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
        if (code < 0x80) return void(out += static_cast<char>(code));
        const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        out += static_cast<char>((0xff00 >> (more + 1)) | (code >> (6 * more)));
        for (int i = more; i-- > 0;) out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3f));
    }

    std::uint32_t unit() {
        std::uint32_t code = 0;
        const std::string_view digits = text_.substr(at_, 4);
        const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        want(failed == std::errc() && end == digits.data() + 4, "no four digits");
        at_ += 4;
        return code;
    }

    static bool is_utf8(std::string_view text) {
        for (std::size_t i = 0; i < text.size();) {
            const auto lead = static_cast<std::uint8_t>(text[i]);
            if (lead < 0x80) {
                ++i;
                continue;
            }
            const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
            if (lead < 0xc2 || lead > 0xf4 || i + size > text.size()) return false;
            std::uint32_t code = lead & (0x7fu >> size);
            for (std::size_t k = 1; k < size; ++k) {
                const auto next = static_cast<std::uint8_t>(text[i + k]);
                if ((next & 0xc0) != 0x80) return false;
                code = (code << 6) | (next & 0x3fu);
            }
            constexpr std::array<std::uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
            if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
            i += size;
        }
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace aws_test
