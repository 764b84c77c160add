// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace kedge::aws::detail {

/** Reads the little of XML that STS speaks into a flat map: `<a><b>1</b></a>` becomes "a.b" → "1".
 *
 *  Elements with text or elements in them; attributes are checked and left out. Strict: no element twice, nothing behind the
 *  root, depth at most 16, names at most 512 bytes with those around them, and nothing that an answer has no need of: no
 *  declarations of types or entities (which could name files, or grow without end), comments, CDATA or numbered characters.
 */
class xml_fields {
public:
    using fields = std::map<std::string, std::string, std::less<>>;

    static std::optional<fields> read(std::string_view text) {
        xml_fields r(text);
        if (!r.prolog() || !r.element({}, 0)) return {};
        r.blanks();
        if (!r.text_.empty()) return {};
        return std::move(r.out_);
    }

private:
    explicit xml_fields(std::string_view text) : text_(text) {}

    static constexpr int deepest = 16;
    static constexpr std::size_t longest_path = 512;  // it stands before each element
    static constexpr std::string_view blank = " \t\r\n";

    bool take(std::string_view what) noexcept {
        if (!text_.starts_with(what)) return false;
        text_.remove_prefix(what.size());
        return true;
    }
    std::string_view until(std::size_t count) noexcept {
        const std::string_view out = text_.substr(0, count);
        text_.remove_prefix(out.size());
        return out;
    }
    bool blanks() noexcept { return !until(std::min(text_.find_first_not_of(blank), text_.size())).empty(); }

    bool prolog() noexcept {
        if (take("<?xml ")) {
            const auto end = text_.find("?>");
            if (end == text_.npos) return false;
            until(end + 2);
        }
        blanks();
        return true;
    }

    std::string_view name() noexcept {
        std::size_t size = 0;
        const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
        const auto is_inner = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == ':'; };
        while (size < text_.size() && (size == 0 ? is_letter(text_[0]) : is_inner(text_[size]))) ++size;
        return until(size);
    }

    bool attributes() noexcept {
        while (blanks()) {
            if (name().empty()) break;
            if (text_.size() < 2 || text_[0] != '=' || (text_[1] != '"' && text_[1] != '\'')) return false;
            const auto end = text_.find_first_of(std::string_view(&text_[1], 1), 2);
            if (end == text_.npos || until(end + 1).find('<') != text_.npos) return false;
        }
        return true;
    }

    bool element(const std::string& path, int depth) {
        if (depth > deepest || !take("<")) return false;
        const std::string own(name());
        if (own.empty() || !attributes()) return false;
        const std::string inner = path.empty() ? own : path + "." + own;
        if (inner.size() > longest_path) return false;
        if (take("/>")) return keep(inner, {});
        return take(">") && content(inner, depth) && take(own) && (blanks(), take(">"));
    }

    /// Up to and with the `</` that ends it.
    bool content(const std::string& path, int depth) {
        bool has_elements = false;
        for (;;) {
            std::string text;
            if (!decode(until(text_.find('<')), text)) return false;
            const bool is_blank = text.find_first_not_of(blank) == text.npos;
            if (take("</")) return has_elements ? is_blank : keep(path, std::move(text));
            if (!is_blank || !element(path, depth + 1)) return false;
            has_elements = true;
        }
    }

    bool keep(const std::string& path, std::string text) { return out_.emplace(path, std::move(text)).second; }

    static bool decode(std::string_view raw, std::string& out) {
        static constexpr std::pair<std::string_view, char> entities[] = {
            {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
        while (!raw.empty()) {
            if (raw[0] != '&') {
                if (static_cast<unsigned char>(raw[0]) < 0x20 && blank.find(raw[0]) == blank.npos) return false;
                out += raw[0];
                raw.remove_prefix(1);
                continue;
            }
            const auto* known = std::find_if(std::begin(entities), std::end(entities),
                                             [raw](const auto& one) { return raw.starts_with(one.first); });
            if (known == std::end(entities)) return false;
            out += known->second;
            raw.remove_prefix(known->first.size());
        }
        return true;
    }

    std::string_view text_;
    fields out_;
};

}  // namespace kedge::aws::detail
