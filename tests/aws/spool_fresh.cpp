// SPDX-License-Identifier: BSL-1.0
// While a backlog is replayed from disk, half of what is sent is fresh: who looks at the stream sees the present.
#include "courier.hpp"
#include "spool_folder.hpp"

#include <kedge/aws/detail/settlements.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <deque>
#include <optional>
#include <set>

using namespace kedge_test;

namespace {

/// The core and a spool, without threads: a writer, a disk that is read at once, and a service that takes one batch at a time.
class stream {
public:
    stream(spool_folder& where, delivery_rules rules, std::size_t segment_bytes = 0)
        : disk_(where.make(segment_bytes)), core_(std::make_unique<delivery>(rules)), bytes_(rules.queue.bytes) {
        REQUIRE(disk_->open());
        core_->expect_earlier(disk_->earlier_left());
    }

    /// Whether it is in memory.
    bool write(std::string_view text, nanoseconds ahead = {}) {
        const raw_event raw{text, at().wall_ms + std::chrono::duration_cast<std::chrono::milliseconds>(ahead).count()};
        prepared what = prepare(raw);
        const bool in_memory = core_->will_store(what);
        REQUIRE(disk_->append(what.events, in_memory, raw.severity, now_).status == spool_status::stored);
        core_->stored(std::move(what), in_memory, now_);
        check();
        return in_memory;
    }

    /// While the disk refuses.
    std::optional<drop_reason> write_to_memory(std::string_view text) {
        const raw_event raw{text, at().wall_ms};
        const auto why = core_->submit(prepare(raw), raw, now_);
        check();
        return why;
    }

    /// Reads, and sends what is due. The texts of the next batch.
    std::vector<std::string> next(nanoseconds pause = {}) {
        now_ += pause;
        for (int times = 0; times < 2; ++times) {  // what is too large for its share is read another time
            read();
            act([&](delivery_actions& todo) { core_->tick(at(), todo); });
        }
        return sent_.empty() ? std::vector<std::string>() : sent_.front().texts;
    }

    void answer(answer_kind kind) {
        if (sent_.empty()) return;
        const request gone = sent_.front();
        sent_.pop_front();
        act([&](delivery_actions& todo) { core_->answered(gone.serial, {.kind = kind}, at(), draw_(), todo); });
        if (settled_.any()) disk_->settle(settled_.take()), settled_.told();
    }

    delivery_counters counters() const { return core_->counters(now_); }
    const spool& disk() const { return *disk_; }
    std::vector<std::int64_t> times() const { return sent_.front().times; }

private:
    struct request {
        std::uint32_t serial = 0;
        std::vector<std::string> texts{};
        std::vector<std::int64_t> times{};
    };

    moment at() const { return {now_, std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count()}; }

    void read() {
        const spool_room room = core_->room();
        if (room.bytes == 0) return;
        core_->promise(room);
        core_->refill(disk_->read(room), at());
        check();
    }

    template <class Call> void act(Call call) {
        delivery_actions todo;
        call(todo);
        for (int i = 0; i < todo.starting; ++i) {
            const delivery_request& one = todo.start[static_cast<std::size_t>(i)];
            request copy{one.serial};
            for (const log_event* e = one.events()->front(); e; e = e->next) {
                copy.texts.emplace_back(e->message());
                copy.times.push_back(e->time_ms);
            }
            sent_.push_back(std::move(copy));
        }
        settled_.note(todo.spent);
        settled_.note(todo.refused);
        check();
    }

    void check() const {
        const delivery_counters c = counters();
        const bool right = c.accounting().balanced() && c.pending - c.spooled == core_->count_events() && c.most_bytes <= bytes_;
        if (right) return;
        CHECK(c.accounting().balanced());
        CHECK(c.pending - c.spooled == core_->count_events());
        CHECK(c.most_bytes <= bytes_);
    }

    std::unique_ptr<spool> disk_;
    std::unique_ptr<delivery> core_;
    settlements settled_;
    std::size_t bytes_;
    std::deque<request> sent_;
    kedge::detail::splitmix draw_{1};
    time_point now_{1'000'000h};
};

std::string numbered(char kind, int number, std::size_t size = 20) {
    std::string text = kind + std::to_string(number);
    text.resize(std::max(size, text.size()), '.');
    return text;
}

/// What a process before left.
void leave(spool_folder& where, int events, std::size_t size = 20, std::int64_t time_ms = 3'599'000'000'000) {
    auto disk = where.open();
    for (int i = 1; i <= events; ++i) {
        event_list one = events_of({numbered('o', i, size)}, time_ms);
        REQUIRE(disk->append(one, false, log::level::info, where.now).status == spool_status::stored);
    }
}

delivery_rules small(std::size_t events, std::size_t bytes = 8 * 1024 * 1024) {
    return {.queue = {.bytes = bytes, .events = events, .linger = 0ns}};
}

}  // namespace

TEST_CASE_METHOD(spool_folder, "beside the backlog of a process before, every other batch is fresh") {
    const bool large = GENERATE(false, true);  // ten in a batch, several batches in half of the memory
    const int left = large ? 100 : 1000;
    leave(*this, left, large ? 100'000 : 20);
    stream s(*this, small(100));
    int number = 0, fresh = 0, old = 0;
    while (s.counters().recovered < static_cast<std::uint64_t>(left)) {
        for (int i = 0; i < 10; ++i) CHECK(s.write(numbered('f', ++number)));  // all of them go to memory
        const std::vector<std::string> texts = s.next();
        REQUIRE_FALSE(texts.empty());
        for (const std::string& text : texts) CHECK(text[0] == texts[0][0]);
        ++(texts[0][0] == 'f' ? fresh : old);
        s.answer(answer_kind::accepted);
    }
    CHECK(old >= (large ? 5 : 19));  // what was read last is not sent yet
    CHECK(std::abs(fresh - old) <= 1);
    CHECK(s.counters().spooled == 0);
}

TEST_CASE_METHOD(spool_folder, "neither side starves, whatever is written, and each keeps its order") {
    // events written for each batch, of 100 that memory holds
    const int pressure = GENERATE(1, 40, 500);
    const int flights = GENERATE(1, 8);
    INFO("pressure " << pressure << ", flights " << flights);
    leave(*this, 2000);
    delivery_rules rules = small(100);
    rules.max_in_flight = flights;
    stream s(*this, rules, 4096);
    int number = 0;
    std::map<char, int> seen;
    std::uint64_t old_batches = 0, batches = 0;
    for (; seen['o'] < 2000 && batches < 400; ++batches) {
        for (int i = 0; i < pressure; ++i) s.write(numbered('f', ++number));
        const std::vector<std::string> texts = s.next();
        REQUIRE_FALSE(texts.empty());
        old_batches += texts[0][0] == 'o';
        for (const std::string& text : texts) {
            const int n = std::stoi(text.substr(1));
            if (flights == 1) CHECK(n > seen[text[0]]);
            seen[text[0]] = std::max(n, seen[text[0]]);
        }
        s.answer(answer_kind::accepted);
    }
    CHECK(seen['o'] == 2000);
    CHECK(old_batches * 2 <= batches + 1 + 8);
    // what is sent beside the backlog is of now: no more behind than memory holds and one turn
    if (flights == 1 && pressure <= 40) CHECK(number - seen['f'] <= 100 + 2 * pressure);
    CHECK(s.counters().dropped.total() == 0);
}

TEST_CASE_METHOD(spool_folder, "after an outage the present is seen when memory is empty, not when the disk is") {
    stream s(*this, small(100));
    int number = 0;
    for (int i = 0; i < 5000; ++i) s.write(numbered('f', ++number));
    for (int i = 0; i < 6; ++i) s.next(1min), s.answer(answer_kind::not_sent);
    CHECK(s.counters().spooled == 4900);
    const int ended = number;
    int batches = 0;
    for (bool present = false; !present; ++batches) {
        REQUIRE(batches < 12);
        for (int i = 0; i < 5; ++i) s.write(numbered('f', ++number));
        for (const std::string& text : s.next(1min)) present = present || std::stoi(text.substr(1)) > ended;
        s.answer(answer_kind::accepted);
    }
    CHECK(s.counters().spooled > 4000);
    while (!s.next(1min).empty()) s.answer(answer_kind::accepted);
    CHECK(s.counters().accounting().acked == static_cast<std::uint64_t>(number));
}

TEST_CASE_METHOD(spool_folder, "an old event too large for half of the memory waits until it is alone, and comes") {
    leave(*this, 3, 50'000);
    stream s(*this, small(1000, 64 * 1024));
    int number = 0;
    for (int batches = 0; s.counters().recovered < 3; ++batches) {
        REQUIRE(batches < 40);
        for (int i = 0; i < 20; ++i) s.write(numbered('f', ++number, 1000));
        s.next();
        s.answer(answer_kind::accepted);
    }
    while (!s.next().empty()) s.answer(answer_kind::accepted);
    CHECK(s.counters().accounting().acked == static_cast<std::uint64_t>(number) + 3);
}

TEST_CASE_METHOD(spool_folder, "a batch holds old events or fresh ones, in ascending time, of one day") {
    leave(*this, 50, 20, 3'600'000'000'000 - 13 * 24 * 3'600'000LL);  // thirteen days ago
    stream s(*this, small(40));
    kedge::detail::splitmix draw(4);
    for (int i = 1; i <= 100; ++i) {
        s.write(numbered('f', i), -std::chrono::hours(draw() % 40));
        if (i % 10 == 0 && !s.next().empty()) {
            const std::vector<std::int64_t> times = s.times();
            CHECK(std::is_sorted(times.begin(), times.end()));
            CHECK(times.back() - times.front() <= 24 * 3'600'000);
            s.answer(answer_kind::accepted);
        }
    }
    while (!s.next().empty()) s.answer(answer_kind::accepted);
    CHECK(s.counters().accounting() == delivery_accounting{.offered = 150, .acked = 150});
}

TEST_CASE_METHOD(spool_folder, "what is settled stays a few ranges in an overload that lasts") {
    stream s(*this, small(200), 16'384);
    kedge::detail::splitmix draw(2);
    std::size_t most = 0;
    for (int turn = 0, number = 0; turn < 600; ++turn) {
        for (int i = 0; i < 60; ++i) s.write(numbered('f', ++number, draw() % 60));
        s.next();
        s.answer(draw() % 8 ? answer_kind::accepted : answer_kind::throttled);
        if (turn % 50 == 49) most = std::max<std::size_t>(most, fs::file_size(path / "settled1"));
    }
    CHECK(s.counters().spooled > 5000);
    CHECK(most < 8 + 300 * 16 + 4);
    CHECK(s.disk().counters().segments < s.counters().spooled * 90 / 16'384 + 20);
}

TEST_CASE_METHOD(spool_folder, "what is on disk, too, does not give way to what cannot be written there: it would come again") {
    delivery_rules rules = small(4);
    rules.queue.when_full = overflow::drop_oldest;
    stream s(*this, rules);
    for (int i = 1; i <= 2; ++i) CHECK(s.write(numbered('f', i)));
    for (int i = 3; i <= 7; ++i) CHECK_FALSE(s.write_to_memory(numbered('f', i)));
    std::set<int> sent;
    while (true) {
        const std::vector<std::string> texts = s.next(1min);
        if (texts.empty()) break;
        for (const std::string& text : texts)
            if (text[0] == 'f') sent.insert(std::stoi(text.substr(1)));
        s.answer(answer_kind::accepted);
    }
    CHECK(sent == std::set<int>{1, 2, 6, 7});
    CHECK(s.counters().dropped[drop_reason::displaced] == 3);
    CHECK(s.counters().accounting() == delivery_accounting{.offered = 8, .acked = 5, .dropped = 3});  // one told of the drops

    spool_folder other;
    stream full(other, rules);
    for (int i = 1; i <= 4; ++i) CHECK(full.write(numbered('f', i)));
    CHECK(full.write_to_memory(numbered('f', 5)) == drop_reason::queue_full);
}
