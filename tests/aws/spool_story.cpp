// SPDX-License-Identifier: BSL-1.0
// Long random stories of a spool whose process dies, and whose files are torn, bent and taken away: it always opens, never
// returns what was not written or is settled, and loses no more than what lay where the damage is.
#include "spool_folder.hpp"

#include <kedge/detail/runtime_random.hpp>

#include <set>

using namespace kedge_test;

namespace {

class story {
public:
    explicit story(std::uint64_t seed) : draw_(seed) { open(); }

    void play() {
        for (int step = 0; step < 120; ++step) {
            switch (below(8)) {
            case 0: case 1: case 2: append(); break;
            case 3: case 4: settle(); break;
            case 5: case 6: read(); break;
            default: crash();
            }
        }
        crash();
        while (read()) {}
        compare();
    }

    std::uint64_t damaged = 0, recovered = 0;

private:
    struct record {
        std::string text, file;
        std::uint64_t begin = 0, end = 0;
        bool in_memory = false;
    };

    std::size_t below(std::size_t n) { return static_cast<std::size_t>(draw_() % n); }

    void open() {
        folder_.salt = draw_();
        spool_ = folder_.make(400);
        REQUIRE(spool_->open());
    }

    void append() {
        std::vector<std::string> texts;
        for (std::size_t n = 1 + below(3); n > 0; --n)
            texts.push_back("e" + std::to_string(++numbers_) + std::string(below(50), 'x') +
                            (below(8) ? "" : bytes_of(newest())));
        for (std::string& text : texts) text.resize(std::min<std::size_t>(text.size(), 300));
        event_list events = events_of(texts);
        const bool in_memory = below(3) != 0;
        if (spool_->append(events, in_memory, log::level::info, folder_.now).status != spool_status::stored) FAIL("not stored");
        const std::string file = newest().string();
        std::uint64_t end = fs::file_size(file), size = 0;
        for (const std::string& text : texts) size += text.size() + record_header + 1;
        for (const log_event* e = events.front(); e; e = e->next) {
            CHECK((live_.empty() || live_.rbegin()->first < e->sequence));
            CHECK_FALSE(finished_.contains(e->sequence));
            const std::uint64_t begin = end - size;
            size -= e->size + record_header + 1;
            live_[e->sequence] = {std::string(e->message()), file, begin, end - size, in_memory};
        }
    }

    fs::path newest() const {
        const auto all = folder_.segments();
        return all.empty() ? fs::path() : all.back();
    }

    bool read() {
        const spool_batch piece = spool_->read({1 + below(400), 1 + below(5), 0, true});
        for (const log_event* e = piece.events.front(); e; e = e->next) {
            if (!live_.contains(e->sequence)) live_.insert(replayable_.extract(e->sequence));  // settled, but the disk forgot it
            const auto found = live_.find(e->sequence);
            if (found == live_.end()) FAIL("number " << e->sequence << " is not to be read");
            CHECK(found->second.text == e->message());
            CHECK_FALSE(std::exchange(found->second.in_memory, true));
            CHECK(e->time_ms == 5);
            recovered += !piece.ours;
        }
        if (!piece.moved) compare();
        return piece.moved;
    }

    /// All that is on the disk and not settled was read.
    void compare() const {
        for (const auto& [sequence, one] : live_) {
            INFO("event " << sequence << ' ' << one.text);
            CHECK(one.in_memory);
        }
    }

    void settle() {
        std::vector<sequence_range> done;
        for (auto at = live_.begin(); at != live_.end();) {
            if (at->second.in_memory && below(3) != 0) {
                done.push_back({at->first, at->first});
                at->second.in_memory = false;
                finished_.insert(live_.extract(at++));
            } else {
                ++at;
            }
        }
        spool_->settle(done);
    }

    void crash() {
        spool_.reset();
        for (auto& [sequence, one] : live_) one.in_memory = false;
        if (below(2) == 0) damage();
        open();
    }

    void damage() {
        const auto files = folder_.segments();
        ++damaged;
        if (below(8) == 0) {
            write_bytes(folder_.path / "settled1", std::string(below(60), 's'));
            for (const auto& [sequence, one] : finished_) replayable_[sequence] = one;
            finished_.clear();  // numbers that nobody remembers may be used again
            return;
        }
        if (files.empty()) return;
        const fs::path file = below(2) ? files.back() : files[below(files.size())];
        std::string bytes = bytes_of(file);
        const std::size_t at = below(bytes.size() + 1);
        switch (below(5)) {
        case 0: bytes.resize(at), forget(file, at, ~0ull); break;
        case 1: bytes += bytes.substr(at); break;  // a record of another place, or the end of one
        case 2: bytes.append(below(100), '\0'); break;
        case 3: return fs::remove(file), forget(file, 0, ~0ull);
        default:
            if (at == bytes.size()) return;
            bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 + below(255)));
            forget(file, at, at + 1);
        }
        write_bytes(file, bytes);
    }

    /// They may be lost, unless the damage before had left a copy of them.
    void forget(const fs::path& file, std::uint64_t begin, std::uint64_t end) {
        for (auto at = live_.begin(); at != live_.end();) {
            const record& one = at->second;
            if (one.file != file.string() || one.begin >= end || one.end <= begin) {
                ++at;
                continue;
            }
            replayable_[at->first] = one;  // its number may have been another's
            at = live_.erase(at);
        }
    }

    kedge::detail::splitmix draw_;
    spool_folder folder_;
    std::unique_ptr<spool> spool_;
    std::map<std::uint64_t, record> live_, finished_, replayable_;
    std::uint64_t numbers_ = 0;
};

}  // namespace

TEST_CASE("a spool survives hundreds of crashes and damages with all that was not damaged") {
    std::uint64_t damaged = 0, recovered = 0;
    for (std::uint64_t seed = 1; damaged < 150; ++seed) {
        INFO("seed " << seed);
        story one(seed);
        one.play();
        damaged += one.damaged, recovered += one.recovered;
    }
    CHECK(recovered > 300);
}
