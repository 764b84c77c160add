// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kedge::detail {

/** Reads one JSON object (RFC 8259) into a flat map: `{"a":{"b":1}}` becomes "a.b" → "1".
 *
 *  Strings are decoded, numbers and literals keep their spelling; arrays, and names longer than 512 bytes with those around
 *  them, are checked and left out. Strict: no duplicate names, nothing behind the object, depth at most 16. Boost.JSON would
 *  need one compiled unit, which a header-only library cannot demand.
 */
class json_reader {
public:
    using fields = std::map<std::string, std::string, std::less<>>;

    static std::optional<fields> read(std::string_view text) {
        json_reader r(text);
        r.space();
        if (r.peek() != '{' || !r.value("", 0, true)) return {};
        r.space();
        if (r.at_ != text.size()) return {};
        return std::move(r.out_);
    }

private:
    explicit json_reader(std::string_view text) : text_(text) {}

    static constexpr int deepest = 16;
    static constexpr std::size_t longest_path = 512;  // it stands before each member: a long one makes gigabytes of a megabyte

    char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char c) noexcept { return peek() == c && at_ < text_.size() ? (++at_, true) : false; }
    void space() noexcept {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    }

    bool value(const std::string& path, int depth, bool keep) {
        if (depth > deepest) return false;
        space();
        if (peek() == '{') return object(path, depth, keep);
        if (peek() == '[') return array(depth);
        std::string text;
        if (!(peek() == '"' ? string(text) : bare(text))) return false;
        return !keep || out_.emplace(path, std::move(text)).second;
    }

    bool object(const std::string& path, int depth, bool keep) {
        ++at_;
        space();
        if (take('}')) return true;
        do {
            space();
            std::string name;
            if (!string(name)) return false;
            space();
            const bool kept = keep && path.size() + name.size() < longest_path;
            const std::string inner = !kept ? std::string() : path.empty() ? name : path + "." + name;
            if (!take(':') || !value(inner, depth + 1, kept)) return false;
            space();
        } while (take(','));
        return take('}');
    }

    bool array(int depth) {
        ++at_;
        space();
        if (take(']')) return true;
        do {
            if (!value("", depth + 1, false)) return false;
            space();
        } while (take(','));
        return take(']');
    }

    bool bare(std::string& out) {
        for (const std::string_view literal : {"true", "false", "null"})
            if (text_.substr(at_).starts_with(literal)) {
                at_ += literal.size();
                out = literal;
                return true;
            }
        const std::size_t start = at_;
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return false;
        }
        out = text_.substr(start, at_ - start);
        return true;
    }

    bool digits() noexcept {
        const std::size_t start = at_;
        while (peek() >= '0' && peek() <= '9') ++at_;
        return at_ > start;
    }

    bool string(std::string& out) {
        if (!take('"')) return false;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '"') return true;
            if (static_cast<unsigned char>(c) < 0x20) return false;
            if (c != '\\') out += c;
            else if (!escape(out)) return false;
        }
        return false;
    }

    bool escape(std::string& out) {
        static constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
        const char c = peek();
        ++at_;
        if (const std::size_t i = names.find(c); c != '\0' && i != std::string_view::npos) {
            out += values[i];
            return true;
        }
        if (c != 'u') return false;
        unsigned point = 0;
        if (!hex4(point) || (point >= 0xdc00 && point < 0xe000)) return false;
        if (point >= 0xd800 && point < 0xdc00) {
            unsigned low = 0;
            if (!take('\\') || !take('u') || !hex4(low) || low < 0xdc00 || low >= 0xe000) return false;
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        }
        utf8(point, out);
        return true;
    }

    bool hex4(unsigned& value) noexcept {
        for (int i = 0; i < 4; ++i) {
            const char c = peek();
            const int digit = c >= '0' && c <= '9'   ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                     : -1;
            if (digit < 0) return false;
            value = value * 16 + static_cast<unsigned>(digit);
            ++at_;
        }
        return true;
    }

    static void utf8(unsigned p, std::string& out) {
        const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (p >> shift & 0x3f)); };
        if (p < 0x80) out += static_cast<char>(p);
        else if (p < 0x800) out += static_cast<char>(0xc0 | p >> 6), tail(0);
        else if (p < 0x10000) out += static_cast<char>(0xe0 | p >> 12), tail(6), tail(0);
        else out += static_cast<char>(0xf0 | p >> 18), tail(12), tail(6), tail(0);
    }

    std::string_view text_;
    std::size_t at_ = 0;
    fields out_;
};

/// A JSON string literal; bytes of UTF-8 pass through.
inline std::string json_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') (out += '\\') += c;
        else if (byte < 0x20) (((out += "\\u00") += "0123456789abcdef"[byte >> 4]) += "0123456789abcdef"[byte & 15]);
        else out += c;
    }
    return out += '"';
}

}  // namespace kedge::detail
