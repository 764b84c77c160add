// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <kedge/config/documents.hpp>
#include <kedge/config/env_file.hpp>
#include <string_view>

namespace kedge::config {

namespace detail {

inline constexpr std::string_view documented_prefix = "KEDGE_";

/// What a comment or a template shows behind the name.
inline std::string sample(const row& r) {
    const std::string standard = shown(r, settings{});
    return standard.empty() ? std::string(r.example) : standard;
}

inline std::string shown_or_unset(const row& r, const configuration& c) {
    const std::string value = shown(r, c.values);
    return value.empty() ? "(not set)" : value;
}

inline void pad(std::string& line, std::size_t width) { line.append(width - std::min(width, line.size()) + 2, ' '); }

inline std::string names_of_others(const row& r) {
    std::string out;
    for (const std::string_view name : r.standard)
        if (!name.empty()) (out += out.empty() ? " Also `" : ", `").append(name).append("`");
    return out.empty() ? out : out + ".";
}

inline std::string page_line(const row& r) {
    const std::string standard = shown(r, settings{});
    std::string description(r.description);
    if (is_secret(r))
        description += " May be in a file that `" + std::string(documented_prefix) + std::string(r.name) + "_FILE` names.";
    return "| `" + std::string(documented_prefix) + std::string(r.name) + "` | " + std::string(type_of(r)) + ": " + accepted(r) +
           " | " + (standard.empty() ? "–" : "`" + standard + "`") + " | " + (r.reloadable ? "yes" : "no") + " | " + description +
           names_of_others(r) + " |\n";
}

inline constexpr std::string_view page_begin =
    "# Settings\n\n"
    "Made from the table in `include/kedge/config/impl/rows.ipp`; how they are loaded is told in\n"
    "[the guide](guide/configuration.md). Defaults are those of the options structs. Reload: whether a reload changes it in the\n"
    "snapshot. What is empty, or begins with `your_`, counts as not set.\n";

inline constexpr std::string_view example_begin =
    "# The settings of kedge, with their defaults or an example. Made from its table of settings; docs/configuration.md says "
    "more.\n"
    "# Copy it to .env, take the # away where you need another value, and keep the copy out of version control.\n";

}  // namespace detail

KEDGE_DECL std::string effective_settings(const configuration& c) {
    std::size_t name_width = 0, value_width = 0;
    for (const row& r : table()) {
        name_width = std::max(name_width, c.prefix.size() + r.name.size());
        value_width = std::max(value_width, detail::shown_or_unset(r, c).size());
    }
    std::string out;
    for (std::size_t i = 0; i < table().size(); ++i) {
        std::string line = c.prefix + std::string(table()[i].name);
        detail::pad(line, name_width);
        line += detail::shown_or_unset(table()[i], c);
        detail::pad(line, name_width + 2 + std::min<std::size_t>(value_width, 60));
        out += line + c.sources[i] + "\n";
    }
    return out;
}

KEDGE_DECL std::string env_example() {
    std::string out(detail::example_begin);
    std::string_view section;
    for (const row& r : table()) {
        if (r.section != section) out += "\n# " + std::string(section = r.section) + "\n";
        out += "\n# " + std::string(r.description) + "\n# " + std::string(type_of(r)) + ": " + accepted(r) + "\n#" +
               env_line(std::string(detail::documented_prefix) + std::string(r.name), detail::sample(r)) + "\n";
    }
    return out;
}

KEDGE_DECL std::string settings_page() {
    std::string out(detail::page_begin);
    std::string_view section;
    for (const row& r : table()) {
        if (r.section != section)
            out += "\n## " + std::string(section = r.section) +
                   "\n\n| variable | accepted | default | reload | |\n|---|---|---|---|---|\n";
        out += detail::page_line(r);
    }
    return out;
}

}  // namespace kedge::config
