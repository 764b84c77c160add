// SPDX-License-Identifier: BSL-1.0
// Long random stories of a stream with a spool, over several lives of its process: outages, ids, splits, drops, a clock that is
// set and a disk that fails come together. What accounting.cpp wants holds here, too.
#include "faulty_files.hpp"
#include "model_endpoint.hpp"
#include "spool_folder.hpp"

#include <kedge/aws/detail/event_id.hpp>
#include <kedge/aws/detail/settlements.hpp>

#include <optional>
#include <set>

using namespace kedge_test;

namespace {

struct plan {
    delivery_rules rules{};
    std::size_t segment_bytes = 0, disk_bytes = 1 << 28;
    bool clock_jumps = false, disk_fails = false;
};

plan random_plan(kedge::detail::splitmix& draw, bool roomy) {
    plan p;
    p.rules.max_in_flight = 1 + static_cast<int>(draw() % 4);
    p.rules.process_id = draw() % 2;
    p.rules.clamp_too_new = draw() % 2;
    p.rules.queue.when_full = static_cast<overflow>(draw() % 3);
    p.rules.queue.events = 50 + draw() % 200;
    p.rules.queue.bytes = 30'000 + draw() % 60'000;
    p.segment_bytes = 4'000 + draw() % 20'000;
    if (!roomy) p.disk_bytes = 8 * p.segment_bytes, p.disk_fails = draw() % 2;
    p.clock_jumps = draw() % 2;
    return p;
}

class story {
public:
    story(std::uint64_t seed, bool roomy) : draw_(seed), plan_(random_plan(draw_, roomy)), endpoint_(seed + 1) {}

    void play() {
        constexpr int lives = 3;
        for (int life = 1; life <= lives; ++life) {
            begin();
            for (int step = 0; step < 120; ++step) {
                if (draw_() % 8 == 0) change_weather();
                if (draw_() % 2 == 0) submit(draw_() % 40);
                pass(std::chrono::milliseconds(draw_() % 1500));
            }
            if (life == lives) endpoint_.sky = weather::fine, files_.count = 0;
            if (life == lives || draw_() % 2) shut_down(life == lives ? 240h : nanoseconds(draw_() % 3'000'000'000));
            end_life();
        }
        compare();
    }

    std::uint64_t outages = 0, lost = 0, twice = 0, recovered = 0, refused_by_age = 0, without_disk = 0, displaced = 0;

private:
    struct coming {
        time_point at;
        std::uint32_t serial;
        service_answer answer;
        std::vector<std::string> texts;
    };
    struct disk_job {
        time_point at;
        spool_room room;
        std::vector<sequence_range> settled;
    };

    void begin() {
        disk_ = std::make_unique<spool>(spool_options{folder_.path.string(), plan_.disk_bytes}, plan_.rules.queue.when_full,
                                        draw_(), plan_.segment_bytes, files_);
        files_.count = 0;
        REQUIRE(disk_->open());
        if (plan_.rules.process_id != 0) plan_.rules.process_id = draw_();
        else plan_.rules.numbers_from = draw_();
        core_.emplace(plan_.rules);
        core_->expect_earlier(disk_->earlier_left());
        settled_ = {};
        closed_ = false;
        work_on_disk();
    }

    void change_weather() {
        endpoint_.sky = static_cast<weather>(draw_() % 5);
        if (endpoint_.sky != weather::fine) ++outages;
        if (draw_() % 10 == 0) endpoint_.forget_stream();
        if (draw_() % 20 == 0) endpoint_.forget_group();
        if (plan_.clock_jumps && draw_() % 4 == 0) set_ += std::chrono::minutes(static_cast<int>(draw_() % 60'000) - 30'000);
        if (plan_.disk_fails && draw_() % 4 == 0) files_.first = files_.calls + 1, files_.count = draw_() % 30;
    }

    static std::int64_t ms(nanoseconds span) { return std::chrono::duration_cast<std::chrono::milliseconds>(span).count(); }
    std::int64_t true_ms() const { return ms(now_.time_since_epoch()); }
    moment at() const { return {now_, true_ms() + ms(set_)}; }

    void submit(std::uint64_t count) {
        for (; count > 0; --count, ++submitted_) {
            const std::string token = "e" + std::to_string(submitted_) + ";";
            std::string text = token + (draw_() % 300 == 0 ? "poison" : "");
            const std::uint64_t size = draw_() % 60 == 0 ? draw_() % 6000 : draw_() % 100;
            while (text.size() < size) text += token;
            const bool whole = draw_() % 10 == 0;
            if (whole) text = "{\"t\":\"" + text + "\"}";
            std::int64_t ahead = draw_() % 20 ? 0 : static_cast<std::int64_t>(draw_() % 600'000) - 500'000;
            if (draw_() % 100 == 0) ahead = -static_cast<std::int64_t>(draw_() % (16 * 24 * 3'600'000ull));
            raw_event raw{text, at().wall_ms + ahead, draw_() % 10 ? log::level::info : log::level::error, whole};
            raw.number = core_->next_number();
            event_id id;
            if (plan_.rules.process_id != 0) {
                id = event_id(plan_.rules.process_id, raw.number);
                add_id(text, id.text(), whole, core_->most_event() - event_overhead);
            }
            raw.message = text, raw.id = id.text();
            if (store(prepare(raw, core_->most_event()), raw)) accepted_.insert(submitted_);
            check();
        }
    }

    /// As the shell does it. Whether it was accepted.
    bool store(prepared what, const raw_event& raw) {
        if (core_->objection(what)) return !core_->submit(std::move(what), raw, now_);
        const bool in_memory = core_->will_store(what);
        const spool_stored out = disk_->append(what.events, in_memory, raw.severity, now_);
        core_->displaced(out.displaced, raw.time_ms);
        if (out.status != spool_status::stored) core_->not_stored(what, in_memory);
        if (out.status == spool_status::stored) return core_->stored(std::move(what), in_memory, now_), true;
        if (out.status == spool_status::full) return core_->turn_away(what, raw), false;
        in_memory_only_.insert(submitted_);
        ++without_disk;
        return !core_->submit(std::move(what), raw, now_);
    }

    /// Time passes, with all that happens meanwhile in its order.
    void pass(nanoseconds span) {
        const time_point end = now_ + span;
        while (!closed_) {
            const auto first = std::min_element(coming_.begin(), coming_.end(), [](auto& a, auto& b) { return a.at < b.at; });
            const time_point due = std::max(job_ ? core_->due() : std::min(core_->due(), read_again_at_), now_);
            const time_point next = first == coming_.end() ? never : std::max(first->at, now_);
            const time_point disk = job_ ? std::max(job_->at, now_) : never;
            if (std::min({due, next, disk}) > end) break;
            now_ = std::min({due, next, disk});
            if (disk == now_) {
                disk_done();
            } else if (next == now_) {
                const coming one = *first;
                coming_.erase(first);
                if (one.answer.kind != answer_kind::not_sent)
                    core_->clock_seen(true_ms() + skew_ms, at().wall_ms, at().wall_ms, now_);
                act([&](delivery_actions& todo) { core_->answered(one.serial, one.answer, at(), draw_(), todo); });
            } else {
                act([&](delivery_actions& todo) { core_->tick(at(), todo); });
            }
        }
        now_ = std::max(now_, end);
    }

    template <class Call> void act(Call call, bool may_read = true) {
        delivery_actions todo;
        call(todo);
        for (int i = 0; i < todo.starting; ++i) {
            const delivery_request& request = todo.start[static_cast<std::size_t>(i)];
            coming one{now_ + std::chrono::milliseconds(1 + draw_() % 200), request.serial, {}, {}};
            for (const log_event* e = request.batch ? request.events()->front() : nullptr; e; e = e->next)
                one.texts.emplace_back(e->message());
            one.answer = endpoint_.serve(request).answer;
            coming_.push_back(std::move(one));
        }
        CHECK(static_cast<int>(coming_.size()) <= plan_.rules.max_in_flight);
        for (const event_list& list : todo.refused) note(list);
        const event_list& old = todo.refused[static_cast<std::size_t>(rejection::too_old)];
        for (const log_event* e = old.front(); e; e = e->next, ++refused_by_age)
            CHECK(e->time_ms < true_ms() + skew_ms - (14 * 24 * 60 - 1) * 60'000);
        for (const event_batch* b = todo.spent.front(); b; b = b->next.get())
            for (const log_event* e = b->events.front(); e; e = e->next)
                (e->share == 1 ? untold_to_disk_ : of_split_).emplace_back(e->message());
        for (const log_event* e = todo.leftover.front(); e; e = e->next)
            if (e->sequence == 0) elsewhere_.insert(number_of(e->message()));
        settled_.note(todo.spent);
        settled_.note(todo.refused);
        if (todo.refresh_credentials && draw_() % 2) core_->credentials_renewed(now_);
        closed_ = closed_ || todo.closed;
        work_on_disk(may_read);
        check();
    }

    void work_on_disk(bool may_read = true) {
        if (job_) return;
        const bool too_soon = read_again_at_ != never && now_ < read_again_at_;
        if (may_read && !too_soon) read_again_at_ = never;
        disk_job job{now_ + std::chrono::milliseconds(draw_() % 60), {}, {}};
        if (may_read && !too_soon) job.room = core_->room();
        core_->promise(job.room);
        if (settled_.any()) job.settled = settled_.take(), being_told_ = std::exchange(untold_to_disk_, {});
        if (job.room.bytes > 0 || !job.settled.empty()) job_ = std::move(job);
    }

    void disk_done() {
        const disk_job job = *std::exchange(job_, std::nullopt);
        if (!job.settled.empty()) disk_->settle(job.settled), being_told_.clear();
        spool_batch batch;
        if (job.room.bytes > 0) batch = disk_->read(job.room);
        settled_.told();
        const bool in_vain = job.room.bytes > 0 && !batch.moved && !batch.crowded;
        act([&](delivery_actions& todo) {
            if (job.room.bytes > 0) core_->refill(std::move(batch), at());
            core_->tick(at(), todo);
            if (in_vain) read_again_at_ = now_ + 1s;
        }, !in_vain);
    }

    void shut_down(nanoseconds within) {
        core_->close(now_ + within, now_);
        for (int step = 0; !closed_ && step < 100'000; ++step) pass(1s);
        CHECK(closed_);
        while (job_) disk_done();
    }

    /// What it knew and the disk did not is unknown to the next one.
    void end_life() {
        const delivery_counters c = core_->counters(now_);
        known_.acked += c.acked, known_.unknown_events += c.unknown_events, recovered += c.recovered;
        for (const drop_reason why : {drop_reason::displaced, drop_reason::unreadable}) known_.dropped[why] += c.dropped[why];
        if (!closed_) elsewhere_.insert(in_memory_only_.begin(), in_memory_only_.end());
        in_memory_only_.clear();
        std::vector<std::vector<std::string>*> open{&untold_to_disk_, &being_told_, &of_split_};
        for (coming& one : coming_) open.push_back(&one.texts);
        for (std::vector<std::string>* texts : open)
            for (std::string& text : *texts) ++endpoint_.untold[std::move(text)];
        for (std::vector<std::string>* texts : open) texts->clear();
        coming_.clear();
        job_.reset();
        read_again_at_ = never;
        if (!closed_) return;
        CHECK((c.pending == 0 && c.pending_bytes == 0 && c.spooled == 0));
    }

    /// The number of the submission that a text is from, or one that none has.
    static std::uint64_t number_of(std::string_view text) {
        for (std::size_t at = text.find('e'); at != text.npos; at = text.find('e', at + 1)) {
            const std::size_t end = text.find_first_not_of("0123456789", at + 1);
            if (end == text.npos || end == at + 1 || text[end] != ';') continue;
            return std::stoull(std::string(text.substr(at + 1, end - at - 1)));
        }
        return ~0ull;
    }

    void note(const event_list& events) {
        for (const log_event* e = events.front(); e; e = e->next) elsewhere_.insert(number_of(e->message()));
    }

    void check() const {
        const delivery_counters c = core_->counters(now_);
        const bool right = c.accounting().balanced() && c.pending - c.spooled == core_->count_events() &&
                           c.most_bytes <= plan_.rules.queue.bytes && known_.acked + c.acked <= endpoint_.acknowledged;
        if (right) return;
        CHECK(c.accounting().balanced());
        CHECK(c.pending - c.spooled == core_->count_events());
        CHECK(c.most_bytes <= plan_.rules.queue.bytes);
        CHECK(known_.acked + c.acked <= endpoint_.acknowledged);
    }

    void compare() {
        std::set<std::uint64_t> there;
        for (const auto& [text, copies] : endpoint_.stored) {
            there.insert(number_of(text));
            const auto untold = endpoint_.untold.find(text);
            const int most = 1 + (untold == endpoint_.untold.end() ? 0 : untold->second);
            if (!plan_.disk_fails && copies > most) CHECK(text == std::to_string(copies) + " copies");
            twice += static_cast<std::uint64_t>(copies - 1);
        }
        for (const std::uint64_t one : accepted_) lost += !there.contains(one) && !elsewhere_.contains(one);
        displaced = known_.dropped[drop_reason::displaced];
        CHECK(lost <= known_.dropped[drop_reason::displaced] + known_.dropped[drop_reason::unreadable]);
    }

    static constexpr std::int64_t skew_ms = 90'000;

    kedge::detail::splitmix draw_;
    plan plan_;
    spool_folder folder_;
    faulty_files files_;
    model_endpoint endpoint_;
    std::unique_ptr<spool> disk_;
    std::optional<delivery> core_;
    settlements settled_;
    std::optional<disk_job> job_;
    time_point now_{500'000h}, read_again_at_ = never;
    nanoseconds set_{0};  ///< by how much our wall clock is ahead
    std::vector<coming> coming_;
    std::vector<std::string> untold_to_disk_, being_told_, of_split_;  ///< acknowledged
    std::set<std::uint64_t> accepted_, elsewhere_, in_memory_only_;
    delivery_counters known_{};  ///< of the lives before
    std::uint64_t submitted_ = 0;
    bool closed_ = false;
};

}  // namespace

TEST_CASE("with a spool nothing is lost over outages, ends of the process and a clock that is set") {
    std::uint64_t outages = 0, twice = 0, recovered = 0, refused_by_age = 0;
    for (std::uint64_t seed = 1; outages < 500; ++seed) {
        INFO("seed " << seed);
        story one(seed, true);
        one.play();
        CHECK(one.lost == 0);
        outages += one.outages, twice += one.twice, recovered += one.recovered, refused_by_age += one.refused_by_age;
    }
    CHECK(twice > 0);
    CHECK(recovered > 1000);
    CHECK(refused_by_age > 0);
}

TEST_CASE("the books are balanced after each step when the disk is small and fails") {
    std::uint64_t without_disk = 0, displaced = 0;
    for (std::uint64_t seed = 1001; seed < 1020; ++seed) {
        INFO("seed " << seed);
        story one(seed, false);
        one.play();
        without_disk += one.without_disk, displaced += one.displaced;
    }
    CHECK(without_disk > 1000);
    CHECK(displaced > 1000);
}
