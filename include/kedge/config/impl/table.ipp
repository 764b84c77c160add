// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <kedge/config/impl/duration.hpp>
#include <kedge/config/impl/shown.hpp>
#include <kedge/config/table.hpp>
#include <type_traits>
#include <utility>

namespace kedge::config {

namespace detail {

template <class... Fs> struct overloaded : Fs... { using Fs::operator()...; };
template <class... Fs> overloaded(Fs...) -> overloaded<Fs...>;

inline std::string joined(std::span<const std::string_view> names, std::string_view between) {
    std::string out;
    for (const std::string_view name : names) (out += out.empty() ? "" : between) += name;
    return out;
}

inline std::string listed(const list_form& f, std::uint32_t which) {
    std::string out;
    for (std::size_t i = 0; i < f.names.size(); ++i)
        if (which >> i & 1U) (out += out.empty() ? "" : ",") += f.names[i];
    return out;
}

inline std::optional<std::string> unless(bool wrong, const char* why) {
    return wrong ? std::optional<std::string>(why) : std::nullopt;
}

inline std::optional<std::string> set_to(const number_form& f, settings& s, std::string_view text) {
    const auto value = whole_number(text);
    if (!value) return "not a whole number";
    if (*value < f.least || *value > f.most) return "out of range";
    f.at.in(s) = static_cast<int>(*value);
    return std::nullopt;
}

inline std::optional<std::string> set_to(const duration_form& f, settings& s, std::string_view text) {
    const auto value = parse_duration(text, f.bare);
    if (!value) return parse_duration(text, true) ? "the unit is missing" : "not a duration";
    if (*value < f.least || *value > f.most) return "out of range";
    f.at.in(s) = *value;
    if (f.also.in) f.also.in(s) = *value;
    return std::nullopt;
}

template <class Form>
requires std::is_same_v<Form, url_form> || std::is_same_v<Form, text_form> std::optional<std::string> set_to(
    const Form& f, settings& s, std::string_view text) {
    if (!f.valid(text)) return "not of that form";
    f.at.in(s) = text;
    return std::nullopt;
}

inline std::optional<std::string> set_to(const secret_form& f, settings& s, std::string_view text) {
    if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; })) return "not visible ASCII characters only";
    f.at.in(s) = std::string(text);
    return std::nullopt;
}

inline std::optional<std::size_t> index_in(std::span<const std::string_view> names, std::string_view text) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    for (std::size_t i = 0; i < names.size(); ++i)
        if (std::ranges::equal(names[i], text, {}, {}, lower)) return i;
    return std::nullopt;
}

inline std::optional<std::string> set_to(const choice_form& f, settings& s, std::string_view text) {
    const auto index = index_in(f.names, text);
    if (index) f.set(s, *index);
    return unless(!index, "none of these");
}

inline std::optional<std::string> set_to(const list_form& f, settings& s, std::string_view text) {
    std::uint32_t which = 0;
    for (;;) {
        const auto comma = text.find(',');
        std::string_view name = text.substr(0, comma);
        while (name.starts_with(' ')) name.remove_prefix(1);
        while (name.ends_with(' ')) name.remove_suffix(1);
        const auto index = index_in(f.names, name);
        if (!index) return "one of these names is none";
        which |= 1U << *index;
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    f.set(s, which);
    return std::nullopt;
}

/// The setting as a text that equals only that of an equal setting; of a secret none is made.
inline std::string raw(const row& r, const settings& s) {
    return std::visit(overloaded{[&](const number_form& f) { return std::to_string(f.at.of(s)); },
                                 [&](const duration_form& f) { return duration_text(f.at.of(s)); },
                                 [&](const url_form& f) { return f.at.of(s); }, [&](const text_form& f) { return f.at.of(s); },
                                 [&](const secret_form&) { return std::string(); },
                                 [&](const choice_form& f) { return std::string(f.names[f.get(s)]); },
                                 [&](const list_form& f) { return listed(f, f.get(s)); }},
                      r.value);
}

}  // namespace detail

KEDGE_DECL std::string_view type_of(const row& r) noexcept {
    constexpr std::string_view names[] = {"number", "duration", "URL", "text", "secret", "choice", "list"};
    return names[r.value.index()];
}

KEDGE_DECL std::string accepted(const row& r) {
    using detail::duration_text;
    return std::visit(
        detail::overloaded{
            [](const number_form& f) { return std::to_string(f.least) + " to " + std::to_string(f.most); },
            [](const duration_form& f) {
                return duration_text(f.least) + " to " + duration_text(f.most) +
                       (f.bare ? "; a number alone is milliseconds" : ", with a unit: ms, s, m, h");
            },
            [](const url_form& f) { return std::string(f.accepted); }, [](const text_form& f) { return std::string(f.accepted); },
            [](const secret_form&) { return std::string("visible ASCII characters"); },
            [](const choice_form& f) { return detail::joined(f.names, ", "); },
            [](const list_form& f) { return "any of " + detail::joined(f.names, ", ") + ", separated by commas"; }},
        r.value);
}

KEDGE_DECL std::optional<std::string> set(const row& r, settings& into, std::string_view text) {
    return std::visit([&](const auto& f) { return detail::set_to(f, into, text); }, r.value);
}

KEDGE_DECL std::string shown(const row& r, std::string_view text) {
    if (text.empty()) return {};
    if (is_secret(r)) return std::string(detail::masked);
    return std::holds_alternative<url_form>(r.value) ? detail::shown_url(text) : detail::printable(text);
}

KEDGE_DECL std::string shown(const row& r, const settings& s) {
    if (const auto* f = std::get_if<secret_form>(&r.value)) return shown(r, std::string_view(f->at.of(s).reveal()));
    return shown(r, std::string_view(detail::raw(r, s)));
}

KEDGE_DECL bool same(const row& r, const settings& a, const settings& b) {
    if (const auto* f = std::get_if<secret_form>(&r.value)) return f->at.of(a).reveal() == f->at.of(b).reveal();
    return detail::raw(r, a) == detail::raw(r, b);
}

KEDGE_DECL void copy(const row& r, const settings& from, settings& to) {
    const auto assign = [&](const auto& at) {
        if (at.in) at.in(to) = at.of(from);
    };
    std::visit(detail::overloaded{
                   [&](const choice_form& f) { f.set(to, f.get(from)); }, [&](const list_form& f) { f.set(to, f.get(from)); },
                   [&](const duration_form& f) { assign(f.at), assign(f.also); }, [&](const auto& f) { assign(f.at); }},
               r.value);
}

}  // namespace kedge::config
