// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/env_file.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace kedge::config {

namespace detail {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

constexpr bool starts_name(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

constexpr bool is_in_name(char c) noexcept { return starts_name(c) || (c >= '0' && c <= '9'); }

/// Steps through the text, one line or one quoted value at a time.
class env_parser {
public:
    explicit env_parser(std::string_view text) : text_(text) {
        if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
    }

    env_file parse() {
        while (at_ < text_.size()) {
            line_start_ = at_;
            const auto line_of_name = line_;
            if (std::optional<env_entry> found = entry()) {
                found->line = line_of_name;
                out_.entries.push_back(std::move(*found));
            }
            next_line();
        }
        return std::move(out_);
    }

private:
    bool ended() const noexcept {
        return at_ == text_.size() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n");
    }
    char here() const noexcept { return text_[at_]; }
    void skip_blanks() noexcept {
        while (at_ < text_.size() && is_blank(here())) ++at_;
    }
    void next_line() noexcept {
        at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
        ++line_;
    }
    std::nullopt_t refuse(const char* why) {
        out_.problems.push_back({line_, static_cast<int>(at_ - line_start_) + 1, why});
        return std::nullopt;
    }

    std::optional<env_entry> entry() {
        skip_blanks();
        if (ended() || here() == '#') return std::nullopt;
        std::string_view name = read_name();
        if (name == "export" && at_ < text_.size() && is_blank(here())) {
            skip_blanks();
            name = read_name();
        }
        if (name.empty()) return refuse("a name of letters, digits and _ must stand here");
        skip_blanks();
        if (ended() || here() != '=') return refuse("= must follow the name");
        ++at_;
        skip_blanks();
        std::optional<std::string> value = read_value();
        if (!value) return std::nullopt;
        return env_entry{std::string(name), std::move(*value), 0};
    }

    std::string_view read_name() noexcept {
        const std::size_t from = at_;
        if (at_ < text_.size() && starts_name(here()))
            while (at_ < text_.size() && is_in_name(here())) ++at_;
        return text_.substr(from, at_ - from);
    }

    std::optional<std::string> read_value() {
        if (ended()) return std::string();
        const char quote = here();
        if (quote != '\'' && quote != '"') return read_plain();
        std::optional<std::string> value = quote == '"' ? read_escaped() : read_literal();
        if (!value) return std::nullopt;
        const bool apart = at_ < text_.size() && is_blank(here());
        skip_blanks();
        if (!ended() && !(apart && here() == '#')) return refuse("only a comment may follow the closing quote, after a space");
        return value;
    }

    /// Up to the end of the line, or a # that has a space before it.
    std::optional<std::string> read_plain() {
        const std::size_t from = at_;
        std::size_t end = at_;
        for (; !ended(); ++at_) {
            if (here() == '#' && is_blank(text_[at_ - 1])) break;
            if (here() == '\0') return refuse("a NUL cannot be part of a value");
            if (!is_blank(here())) end = at_ + 1;
        }
        return std::string(text_.substr(from, end - from));
    }

    std::optional<std::string> read_literal() {
        const std::size_t close = text_.find('\'', at_ + 1);
        if (close == std::string_view::npos) return refuse("the closing ' is missing");
        const std::string_view inside = text_.substr(at_ + 1, close - at_ - 1);
        if (inside.find('\0') != std::string_view::npos) return refuse("a NUL cannot be part of a value");
        went_over(inside);
        at_ = close + 1;
        return std::string(inside);
    }

    std::optional<std::string> read_escaped() {
        std::string value;
        for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
            char c = text_[i];
            if (c == '"') {
                went_over(text_.substr(at_, i - at_));
                at_ = i + 1;
                return value;
            }
            if (c == '\0') return refuse("a NUL cannot be part of a value");
            if (c == '\\') {
                const std::optional<char> meant = i + 1 < text_.size() ? escape(text_[++i]) : std::nullopt;
                if (!meant) return refuse(R"(in double quotes a \ begins one of \n \r \t \\ \" \' \$)");
                c = *meant;
            }
            value += c;
        }
        return refuse(R"(the closing " is missing)");
    }

    static std::optional<char> escape(char c) noexcept {
        switch (c) {
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case '\\':
        case '"':
        case '\'':
        case '$': return c;
        default: return std::nullopt;
        }
    }

    void went_over(std::string_view part) noexcept {
        const auto last = part.rfind('\n');
        if (last == std::string_view::npos) return;
        line_ += static_cast<int>(std::count(part.begin(), part.end(), '\n'));
        line_start_ = static_cast<std::size_t>(part.data() - text_.data()) + last + 1;
    }

    std::string_view text_;
    std::size_t at_ = 0, line_start_ = 0;
    int line_ = 1;
    env_file out_;
};

/// Whether a value may stand without quotes.
inline bool is_plain(std::string_view value) noexcept {
    if (value.empty()) return true;
    if (is_blank(value.front()) || is_blank(value.back()) || value.front() == '\'' || value.front() == '"') return false;
    return value.find_first_of("\n\r#") == std::string_view::npos;
}

}  // namespace detail

KEDGE_DECL env_file parse_env(std::string_view text) { return detail::env_parser(text).parse(); }

KEDGE_DECL std::string env_line(std::string_view name, std::string_view value) {
    std::string line = std::string(name) + '=';
    if (detail::is_plain(value)) return line.append(value);
    line += '"';
    for (const char c : value) {
        if (c == '\n') line += "\\n";
        else if (c == '\r') line += "\\r";
        else if (c == '"' || c == '\\') line.append(1, '\\').append(1, c);
        else line += c;
    }
    return line += '"';
}

}  // namespace kedge::config
