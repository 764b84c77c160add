// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <kedge/postgres/impl/traces.hpp>
#include <kedge/sql/rows.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kedge::postgres::detail {

/// How many prepared statements a session keeps; the least recently used one goes first. Enough for the statements of a
/// service, little for a server with hundreds of sessions (a plan takes some 10 to 100 kB there; userver keeps 200).
inline constexpr std::size_t statement_cache_size = 64;

/// Which statements a session has prepared, by their texts.
class statements {
public:
    struct entry {
        std::string text, name;
        traces leaves;
        bool prepared = false;  // the server has said so
        kedge::detail::column_names columns{};  // of its last result
    };

    /// The entry for `text`, as the most recently used one; made if there is none. Stays where it is until it is forgotten.
    entry& use(std::string_view text) {
        if (const auto found = by_text_.find(text); found != by_text_.end()) {
            entries_.splice(entries_.begin(), entries_, found->second);
            return entries_.front();
        }
        entries_.push_front({std::string(text), "kedge_" + std::to_string(++made_), traces_of(text)});
        by_text_.emplace(entries_.front().text, entries_.begin());
        if (entries_.size() > statement_cache_size) forget(entries_.back());
        return entries_.front();
    }

    /// Drops one; if the server has it, it is to be deallocated.
    void forget(const entry& one) {
        const auto found = by_text_.find(one.text);
        const auto place = found->second;
        by_text_.erase(found);
        if (place->prepared) unwanted_.push_back(std::move(place->name));
        entries_.erase(place);
    }

    /// The server has forgotten all of them.
    void clear() noexcept {
        by_text_.clear();
        entries_.clear();
        unwanted_.clear();
    }

    /// Names to deallocate; whoever takes them sends them.
    std::vector<std::string> take_unwanted() noexcept { return std::exchange(unwanted_, {}); }
    bool has_unwanted() const noexcept { return !unwanted_.empty(); }
    std::size_t size() const noexcept { return entries_.size(); }

private:
    std::list<entry> entries_;  // most recently used first
    std::unordered_map<std::string_view, std::list<entry>::iterator> by_text_;  // views of the entries' own texts
    std::vector<std::string> unwanted_;
    std::uint64_t made_ = 0;
};

}  // namespace kedge::postgres::detail
