// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/settings.hpp>
#include <kedge/detail/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace kedge::config {

/// The place of a setting; there is no other default than what stands there in a default-constructed @ref settings.
template <class T> struct place {
    T& (*in)(settings&) = nullptr;

    const T& of(const settings& s) const { return in(const_cast<settings&>(s)); }
};

struct number_form {
    place<int> at;
    int least, most;
};

struct duration_form {
    place<nanoseconds> at;
    nanoseconds least, most;
    bool bare = false;          ///< a number without a unit counts milliseconds, as in the system that kedge replaces
    place<nanoseconds> also{};  ///< set to the same
};

struct url_form {
    place<std::string> at;
    std::string_view accepted;
    bool (*valid)(std::string_view);
};

struct text_form {
    place<std::string> at;
    std::string_view accepted;
    bool (*valid)(std::string_view);
};

struct secret_form {
    place<secret<std::string>> at;
};

/// One of some names.
struct choice_form {
    std::span<const std::string_view> names;
    std::size_t (*get)(const settings&);
    void (*set)(settings&, std::size_t);
};

/// Any of some names, separated by commas; bit i stands for name i.
struct list_form {
    std::span<const std::string_view> names;
    std::uint32_t (*get)(const settings&);
    void (*set)(settings&, std::uint32_t);
};

using form = std::variant<number_form, duration_form, url_form, text_form, secret_form, choice_form, list_form>;

/// Settings that only make sense together: all of them come from the same source.
enum class unit : std::uint8_t { alone, aws_keys };

struct row {
    std::string_view name;  ///< after the prefix
    std::string_view section;
    form value;
    bool reloadable;
    std::string_view description;
    std::string_view example{};                   ///< of what has no default
    std::array<std::string_view, 2> standard{};  ///< names of others, without the prefix, that count as well; "": none
    unit together = unit::alone;
};

/// All settings, in the order in which they are shown.
std::span<const row> table() noexcept;

/// The row with that name, without a prefix; null if there is none.
const row* find_row(std::string_view name) noexcept;

/// "duration", "number", …
std::string_view type_of(const row&) noexcept;

inline bool is_secret(const row& r) noexcept { return std::holds_alternative<secret_form>(r.value); }

/// "1ms to 10m; a number alone is milliseconds". Never empty.
std::string accepted(const row&);

/// Takes the setting from `text`. @return what is wrong with it, if something is: then `into` is unchanged
std::optional<std::string> set(const row&, settings& into, std::string_view text);

/// For people: secrets are `***`, of a URL only what cannot be one, and control characters are escaped. Empty: not set.
std::string shown(const row&, const settings&);

/// The same of a text that may be wrong; cut when it is long.
std::string shown(const row&, std::string_view text);

/// Whether both have the same setting, secrets compared as well.
bool same(const row&, const settings&, const settings&);

void copy(const row&, const settings& from, settings& to);

}  // namespace kedge::config

#ifndef KEDGE_SEPARATE_COMPILATION
#include <kedge/config/impl/rows.ipp>
#include <kedge/config/impl/table.ipp>
#endif
