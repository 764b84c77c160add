// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/config/impl/checks.hpp>
#include <kedge/config/impl/nearest.hpp>
#include <kedge/config/impl/placeholder.hpp>
#include <kedge/config/impl/sources.hpp>
#include <kedge/config/table.hpp>

#include <optional>
#include <utility>

namespace kedge::config {

namespace detail {

inline constexpr std::string_view own_prefix = "KEDGE_";

class loader {
public:
    explicit loader(const load_options& options) : strict_(options.strict) {
        l_.out.prefix = options.prefix;
        l_.out.sources.assign(table().size(), "default");
        sources_.push_back(source_of(options.code, options.prefix, "code"));
        sources_.push_back(source_of(options.process ? *options.process : process_environment(), "", "environment"));
        check_folder(options.folder, l_.problems);
        for (const char* file : {".env.local", ".env"}) sources_.push_back(source_of(options.folder, file, l_.problems));
    }

    loading run() {
        for (std::size_t i = 0; i < table().size();) i += take_unit(i);
        for (std::size_t s = 0; s < sources_.size(); ++s) look_for_unknown(sources_[s], s == 0);
        check_together(l_);
        return std::move(l_);
    }

private:
    /// Takes the row, or all rows of its unit, from the first source that has one of them. @return how many rows
    std::size_t take_unit(std::size_t first) {
        const auto rows = table().subspan(first);
        std::size_t count = 1;
        while (rows[0].together != unit::alone && count < rows.size() && rows[count].together == rows[0].together) ++count;
        const auto all = rows.first(count);
        for (std::size_t standard = 0; standard <= all[0].standard.size(); ++standard)
            for (const source& from : sources_)
                if (take(all, from, standard)) return count;
        return count;
    }

    /// @param standard 0: the own names; else the first, second name of others
    bool take(std::span<const row> all, const source& from, std::size_t standard) {
        bool any = false;
        for (const row& r : all) {
            const std::string name = standard == 0 ? l_.out.prefix + std::string(r.name) : std::string(r.standard[standard - 1]);
            any = (!name.empty() && take(r, name, from)) || any;
        }
        return any;
    }

    bool take(const row& r, const std::string& name, const source& from) {
        const found_value* direct = usable(from, name);
        const found_value* file = is_secret(r) ? usable(from, name + "_FILE") : nullptr;
        if (direct && file) {
            refuse(r, name, std::string(masked), "set twice: " + name + "_FILE is set as well", direct->where);
        } else if (file) {
            take_file(r, name + "_FILE", *file);
        } else if (direct) {
            assign(r, name, direct->value.reveal(), direct->where);
        }
        return direct || file;
    }

    void take_file(const row& r, const std::string& name, const found_value& file) {
        const std::string path = shown_path(file.value.reveal()), where = file.where + ", " + path;
        const file_text read = read_file(file.value.reveal());
        if (read.why_not) return refuse(r, name, path, read.why_not, file.where);
        std::string_view text = read.text.reveal();
        if (text.ends_with('\n')) text.remove_suffix(1);
        if (text.ends_with('\r')) text.remove_suffix(1);
        if (text.empty()) return refuse(r, name, path, "the file is empty", file.where);
        if (is_placeholder(text)) return refuse(r, name, path, "a placeholder is in the file", file.where);
        assign(r, name, text, where);
    }

    void assign(const row& r, const std::string& name, std::string_view text, const std::string& where) {
        if (const auto why = set(r, l_.out.values, text)) return refuse(r, name, shown(r, text), *why, where);
        const bool own = name.starts_with(l_.out.prefix);
        l_.out.sources[static_cast<std::size_t>(&r - table().data())] = own ? where : where + ", " + name;
    }

    void refuse(const row& r, const std::string& name, std::string given, std::string why, const std::string& where) {
        problem p = problem_with(l_.out, r, std::move(given), std::move(why), where);
        p.variable = name;
        l_.problems.push_back(std::move(p));
        l_.failed.push_back(r.name);
    }

    /// Null for what is not there, empty, or still what a template has.
    const found_value* usable(const source& from, std::string_view name) {
        const auto found = from.find(name);
        if (found == from.end() || found->second.value.reveal().empty()) return nullptr;
        if (!is_placeholder(found->second.value.reveal())) return &found->second;
        l_.note(std::string(name) + " (" + found->second.where + ") is a placeholder and counts as not set");
        return nullptr;
    }

    /// Names that look like settings and are none: mostly a slip of the finger. Their values are not repeated.
    /// Of a file that is somebody else's not all of them.
    void look_for_unknown(const source& in, bool code) {
        constexpr std::size_t most = 20;
        std::size_t told = 0, more = 0;
        std::string_view where;
        for (const auto& [name, found] : in) {
            const bool mine = name.starts_with(l_.out.prefix);
            const std::string_view rest = std::string_view(name).substr(mine ? l_.out.prefix.size() : 0);
            if (mine && is_name(rest)) continue;
            if (!mine && !name.starts_with(own_prefix)) continue;
            if (told < most) told += tell_unknown(name, rest, found.where, mine, code);
            else ++more, where = std::string_view(found.where).substr(0, found.where.find(':'));
        }
        if (more == 0) return;
        const std::string rest = std::to_string(more) + " more names are no settings";
        if (code || strict_) l_.problems.push_back({.why = rest, .source = std::string(where)});
        else l_.note(std::string(where) + ": " + rest);
    }

    /// @return whether it is worth a word
    bool tell_unknown(const std::string& name, std::string_view rest, const std::string& where, bool mine, bool code) {
        const std::string_view own = mine ? std::string_view() : rest.substr(own_prefix.size());
        const bool other_prefix = !mine && is_name(own);
        if (!mine && !other_prefix) return false;
        const bool whole = code && rest.starts_with(l_.out.prefix);
        const std::string_view meant = other_prefix ? own : guess(rest.substr(whole ? l_.out.prefix.size() : 0));
        // Of other programs' names with this prefix, only what looks like a slip is worth a word.
        if (meant.empty() && l_.out.prefix != own_prefix && !code) return false;
        std::string why = other_prefix ? "not read: names begin with " + l_.out.prefix : "no setting";
        if (!meant.empty()) why += "; nearest: " + (code ? "" : l_.out.prefix) + std::string(meant);
        const std::string variable = code ? std::string(rest) : name;
        if (code || strict_) l_.problems.push_back({.variable = printable(variable), .why = why, .source = where});
        else l_.note(printable(variable) + " (" + where + "): " + why);
        return true;
    }

    /// What was meant. Not for any number of names: each is compared with all settings.
    std::string_view guess(std::string_view name) {
        constexpr int most = 1000;
        return guesses_++ < most ? nearest(name, names()) : std::string_view();
    }

    static std::span<const std::string> names() {
        static const std::vector<std::string> all = [] {
            std::vector<std::string> out;
            for (const row& r : table()) {
                out.emplace_back(r.name);
                if (is_secret(r)) out.push_back(std::string(r.name) + "_FILE");
            }
            return out;
        }();
        return all;
    }
    static bool is_name(std::string_view text) { return std::ranges::find(names(), text) != names().end(); }

    const bool strict_;
    int guesses_ = 0;
    std::vector<source> sources_;
    loading l_;
};

}  // namespace detail

KEDGE_DECL configuration load(const load_options& options) {
    detail::loading done = detail::loader(options).run();
    if (!done.problems.empty()) throw bad_settings(std::move(done.problems), done.out.notes);
    return std::move(done.out);
}

}  // namespace kedge::config
