// SPDX-License-Identifier: BSL-1.0
// Each call to the disk fails once, and from there on: the sink starts, loses nothing that was accepted, says so, and goes on
// with the disk when it can.
#include "faulty_files.hpp"
#include "spool_folder.hpp"

#include <kedge/aws/detail/delivery_shell.hpp>
#include <kedge/log/memory_sink.hpp>
#include <kedge/testing/simulation.hpp>

#include <set>

using namespace kedge_test;

namespace {

constexpr std::uint64_t for_ever = 1'000'000;

struct disk_fault {
    int error;
    std::uint64_t count;
};

constexpr disk_fault disk_faults[] = {{EIO, 1}, {ENOSPC, 3}, {EIO, for_ever}, {EMFILE, 1}};

/// What one process did with a spool, and what the next one has to find.
struct play : spool_folder {
    std::unique_ptr<spool> with(faulty_files& files, spool_sync sync) {
        return std::make_unique<spool>(spool_options{path.string(), 1 << 28, sync}, overflow::drop_newest, ++salt, 150, files);
    }

    /// Writes, reads, settles and reads again. A disk that fails is tried again as the sink does.
    void live(faulty_files& files, spool_sync sync) {
        const auto s = with(files, sync);
        if (!s->open()) s->open();
        for (int i = 0; i < 12; ++i) {
            now += spool_retry;
            event_list one = events_of({"event " + std::to_string(++number) + std::string(30, '.')});
            const bool in_memory = i % 3 == 0;
            if (s->append(one, in_memory, log::level::info, now).status != spool_status::stored) continue;
            const std::uint64_t sequence = one.front()->sequence;
            CHECK(accepted.emplace(sequence, one.front()->message()).second);
            if (in_memory) held.insert(sequence);
            if (i % 4 == 3) take(*s, 3);
        }
        CHECK(s->counters().failures >= (files.failed > 3 && files.count == for_ever ? 1 : 0));
    }

    /// What the processes before left: events, or nothing but the numbers that were settled.
    void prepare(spool_sync sync, bool events) {
        faulty_files sound;
        live(sound, sync);
        for (int processes = events ? 0 : 2; processes > 0; --processes) {
            const auto s = with(sound, sync);
            REQUIRE(s->open());
            read_all(*s);
            const sequence_range all{1, accepted.rbegin()->first};
            for (std::uint64_t n = all.first; n <= all.last; ++n) settled.insert(n);
            s->settle({&all, 1});
        }
        CHECK(segments().empty() == !events);
        held.clear();
    }

    /// Reads, and settles some of it.
    void take(spool& from, int turns) {
        while (turns-- > 0)
            for (spool_batch piece = from.read({1000, 2}); !piece.events.empty(); piece = {})
                for (const log_event* e = piece.events.front(); e; e = e->next) {
                    CHECK(accepted[e->sequence] == e->message());
                    CHECK(held.insert(e->sequence).second);  // nothing twice
                }
        std::vector<sequence_range> done;
        for (const std::uint64_t n : held)
            if (n % 4 != 0 && settled.insert(n).second) done.push_back({n, n});
        from.settle(done);
    }

    int number = 0;
    std::map<std::uint64_t, std::string> accepted;
    std::set<std::uint64_t> held, settled;
};

}  // namespace

TEST_CASE("whichever call to the disk fails, what was accepted is found by the next process") {
    const spool_sync sync = GENERATE(spool_sync::os, spool_sync::each);
    for (const disk_fault& fault : disk_faults) {
        std::uint64_t tried = 0;
        for (bool hit = true; hit; ++tried) {
            INFO("error " << fault.error << ", " << fault.count << " calls from " << tried + 1);
            play p;
            p.prepare(sync, true);
            faulty_files files;
            files.first = tried + 1, files.count = fault.count, files.error = fault.error;
            p.live(files, sync);
            hit = files.failed > 0;
            p.held.clear();
            faulty_files sound;
            const auto s = p.with(sound, sync);
            REQUIRE(s->open());
            const std::map<std::uint64_t, std::string> found = read_all(*s);
            for (const auto& [sequence, text] : p.accepted)
                if (!p.settled.contains(sequence)) CHECK((found.contains(sequence) && found.at(sequence) == text));
            for (const auto& [sequence, text] : found) CHECK(text.starts_with("event "));
            event_list more = events_of({"more"});
            CHECK(s->append(more, true, log::level::info, p.now).status == spool_status::stored);
            CHECK_FALSE(p.accepted.contains(more.front()->sequence));
        }
        CHECK(tried > 30);
    }
}

TEST_CASE("an event is not taken for one that was settled, though what was settled could not be read for a moment") {
    for (const disk_fault& fault : disk_faults)
        for (std::uint64_t call = 1; call < 20 && fault.count < for_ever; ++call) {
            INFO("error " << fault.error << ", " << fault.count << " calls from " << call);
            play p;
            p.prepare(spool_sync::os, false);
            faulty_files files, sound;
            files.first = call, files.count = fault.count, files.error = fault.error;
            auto s = p.with(files, spool_sync::os);
            for (int attempts = 0; attempts < 4 && !s->open(); ++attempts) {}
            event_list one = events_of({"new"});
            const bool accepted = s->append(one, false, log::level::info, p.now + 1h).status == spool_status::stored;
            s = p.with(sound, spool_sync::os);
            REQUIRE(s->open());
            CHECK(read_all(*s).size() == (accepted ? 1 : 0));
        }
}

namespace {

/// Takes everything, or nothing.
class service final : public log_transport {
public:
    service(testing::simulation& ctx, std::multiset<std::string>& to) : ctx_(ctx), stored_(to) {}

    void start(log_request what, log_response_handler done) override {
        log_response response;
        response.answer.kind = works ? answer_kind::accepted : answer_kind::not_sent;
        for (std::size_t at = what.body.find("<"); works && at != what.body.npos; at = what.body.find("<", at + 1))
            stored_.insert(what.body.substr(at + 1, what.body.find(">", at) - at - 1));
        async_sleep(ctx_, 20ms, [done = std::move(done), response = std::move(response)](error_code) mutable {
            done(std::move(response));
        });
    }
    void refresh_credentials(kedge::detail::unique_function<void()>) override {}

    bool works = true;

private:
    testing::simulation& ctx_;
    std::multiset<std::string>& stored_;
};

/// A process with the whole sink. It ends without a farewell.
struct process {
    process(const spool_folder& where, faulty_files& files, std::multiset<std::string>& stored, spool_sync sync, overflow full)
        : transport(std::make_shared<service>(ctx, stored)) {
        const spool_options o{where.path.string(), 1 << 28, sync};
        shell = std::make_shared<delivery_shell>(ctx.get_executor(), delivery_rules{.queue = {.events = 20, .when_full = full}},
                                                 log_target{"shop", "web-1"}, transport, delivery_hooks{.fallback = console},
                                                 std::make_shared<spool>(o, full, stored.size(), 600, files));
        shell->begin();
    }
    ~process() { shell->abandon(); }

    void write(int number) {
        const std::string text = '<' + std::to_string(number) + '>';
        log::record what;
        what.time = today;
        what.message = text;
        shell->submit(what, log::python_format, false);
        check();
    }
    void run_for(nanoseconds span) {
        for (const nanoseconds step = span / 5; span >= step; span -= step) ctx.run_for(step), check();
    }
    void check() const {
        const delivery_counters now = shell->counters();
        if (!now.accounting().balanced() || now.spooled > now.pending) FAIL("the books are wrong");
    }

    static constexpr log::wall_time today{std::chrono::seconds(1'761'492'406)};
    testing::simulation ctx{1, today};
    std::shared_ptr<log::memory_sink> console = std::make_shared<log::memory_sink>();
    std::shared_ptr<service> transport;
    std::shared_ptr<delivery_shell> shell;
};

}  // namespace

TEST_CASE("whichever call to the disk fails, the sink goes on, says so, and its books are balanced") {
    const spool_sync sync = GENERATE(spool_sync::os, spool_sync::each);
    for (const disk_fault& fault : {disk_faults[0], disk_faults[1], disk_faults[2]}) {
        std::uint64_t tried = 0;
        for (bool hit = true; hit; tried += 1 + tried / 40) {
            INFO("error " << fault.error << ", " << fault.count << " calls from " << tried + 1);
            spool_folder where;
            std::multiset<std::string> stored;
            faulty_files files, sound;
            files.first = tried + 1, files.count = fault.count, files.error = fault.error;
            {
                process one(where, files, stored, sync, overflow::drop_newest);
                for (int i = 1; i <= 8; ++i) one.write(i), one.run_for(500ms);
                one.transport->works = false;
                for (int i = 9; i <= 20; ++i) one.write(i);
                one.run_for(2s);
                for (int i = 21; i <= 40; ++i) one.write(i);  // more than memory holds
                one.run_for(35s);
                one.transport->works = true;
                one.run_for(60s);
                for (int i = 41; i <= 45; ++i) one.write(i), one.run_for(i < 45 ? 40s : 5s);
                const bool memory_only = fault.count == for_ever && files.failed > 0;
                const delivery_counters end = one.shell->counters();
                CHECK(end.pending == (memory_only ? end.spooled : 0));
                const bool over = files.calls > files.first + files.count + 10;
                if (over) CHECK(one.shell->spooled().working);
                const std::uint64_t given_up = end.dropped.total();
                const std::uint64_t unreadable = memory_only ? end.dropped[drop_reason::unreadable] : 0;
                CHECK(given_up == end.dropped[drop_reason::queue_full] + unreadable);
                CHECK((given_up == 0 || files.failed > 0));
            }
            hit = files.failed > 0;
            if (hit) continue;
            process two(where, sound, stored, sync, overflow::drop_newest);
            two.run_for(5s);
            for (int i = 1; i <= 45; ++i) CHECK(stored.count(std::to_string(i)) == 1);
        }
        CHECK(tried > 60);
    }
}
