// SPDX-License-Identifier: BSL-1.0
// The power is cut at any call to the disk, again and again.
#include "power_cut_files.hpp"

#include <set>

using namespace kedge_test;

namespace {

class lives {
public:
    lives(std::uint64_t seed, spool_sync sync) : sync_(sync), files_(folder_.path, seed) {}

    void play(int count) {
        while (count-- > 0) {
            files_.dies_at = files_.calls + 1 + files_.below(90);
            live();
            spool_.reset();
            files_.cut();
            look();
        }
    }

    std::uint64_t accepted = 0, replayed = 0;

private:
    void start() {
        folder_.salt = folder_.salt * 31 + 7;
        const spool_options o{folder_.path.string(), 1 << 28, sync_};
        spool_ = std::make_unique<spool>(o, overflow::drop_newest, folder_.salt, 700, files_);
    }

    void live() {
        start();
        spool_->open();
        for (int step = 0; files_.on() && step < 40; ++step) {
            if (files_.below(3)) append();
            else if (files_.below(2)) read(1 + files_.below(4));
            else settle();
        }
    }

    void append() {
        std::vector<std::string> texts;
        for (std::size_t n = 1 + files_.below(3); n > 0; --n)
            texts.push_back("event " + std::to_string(++number_) + std::string(files_.below(300), '.'));
        for (const std::string& text : texts) written_.insert(text);
        event_list events = events_of(texts);
        const bool in_memory = files_.below(3) == 0;
        const spool_stored out = spool_->append(events, in_memory, log::level::info, folder_.now += spool_retry);
        if (out.status != spool_status::stored || !files_.on()) return;
        for (const log_event* e = events.front(); e; e = e->next) {
            if (sync_ == spool_sync::each) CHECK_FALSE((there_.contains(e->sequence) || settled_.contains(e->sequence)));
            there_[e->sequence] = e->message();
            settled_.erase(e->sequence);
            if (in_memory) held_.insert(e->sequence);
            ++accepted;
        }
    }

    void read(std::size_t most) {
        const spool_batch piece = spool_->read({1 << 20, most});
        for (const log_event* e = piece.events.front(); e; e = e->next) held_.insert(e->sequence);
    }

    void settle() {
        std::vector<sequence_range> done;
        for (const std::uint64_t n : held_)
            if (files_.below(3)) done.push_back({n, n});
        for (const sequence_range& one : done) held_.erase(one.first), maybe_.insert(one.first);
        spool_->settle(done);
        if (!files_.on()) return;
        for (const std::uint64_t n : maybe_) settled_.insert(n), there_.erase(n);
        maybe_.clear();
    }

    /// What the next process finds.
    void look() {
        start();
        REQUIRE(spool_->open());
        held_.clear();
        const std::map<std::uint64_t, std::string> found = read_all(*spool_);
        for (const auto& [sequence, text] : found) {
            CHECK(written_.contains(text));
            if (sync_ == spool_sync::each) CHECK_FALSE(settled_.contains(sequence));
            replayed += settled_.contains(sequence);
        }
        if (sync_ == spool_sync::each)
            for (const auto& [sequence, text] : there_)
                if (!maybe_.contains(sequence)) CHECK((found.contains(sequence) && found.at(sequence) == text));
        there_ = found;
        maybe_.clear();
        spool_.reset();
    }

    spool_sync sync_;
    spool_folder folder_;
    power_cut_files files_;
    std::unique_ptr<spool> spool_;
    std::map<std::uint64_t, std::string> there_;       ///< accepted, and not settled
    std::set<std::uint64_t> held_, maybe_, settled_;   ///< `maybe_`: being settled when the power went
    std::set<std::string> written_;
    int number_ = 0;
};

/// Over the lives of 25 spools.
std::uint64_t sum_of(std::uint64_t lives::*count, spool_sync sync) {
    std::uint64_t sum = 0;
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
        INFO("seed " << seed);
        lives one(seed, sync);
        one.play(20);
        sum += one.*count;
    }
    return sum;
}

}  // namespace

TEST_CASE("with a sync for each event a power cut loses nothing that was accepted, and brings nothing that was settled") {
    CHECK(sum_of(&lives::accepted, spool_sync::each) > 3000);
}

TEST_CASE("without syncs a power cut may lose events, but the spool starts and brings only what was written") {
    CHECK(sum_of(&lives::replayed, spool_sync::os) > 0);  // as documented
}
