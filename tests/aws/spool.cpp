// SPDX-License-Identifier: BSL-1.0
// The files of the spool: what comes back, what leaves, and what a disk may do to it.
#include "spool_folder.hpp"

#include <cerrno>
#include <csignal>
#include <utility>

#include <sys/resource.h>
#include <sys/stat.h>

using namespace kedge_test;

namespace {

spool_status put(spool& to, std::vector<std::string> texts, time_point now, log::level least = log::level::info) {
    event_list events = events_of(texts);
    return to.append(events, false, least, now).status;
}

using numbered = std::map<std::uint64_t, std::string>;

/// While it lives no file grows beyond `bytes`: writing fails as on a full disk.
class full_disk {
public:
    explicit full_disk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit less{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &less);
    }
    ~full_disk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    void (*handler_)(int);
};

}  // namespace

TEST_CASE_METHOD(spool_folder, "events come back as they were, in order, until they are settled") {
    auto first = open();
    event_list events = events_of({"one", "two"}, 1'761'492'406'789);
    events.front()->severity = log::level::error;
    events.back()->whole = true;
    REQUIRE(first->append(events, false, log::level::info, now).status == spool_status::stored);
    CHECK(put(*first, {std::string(1'000'000, 'x')}, now) == spool_status::stored);
    first.reset();

    auto second = open();
    const spool_batch back = second->read(one_event);
    REQUIRE(back.events.size() == 1);
    CHECK_FALSE(back.ours);
    CHECK(back.earlier_left);
    const log_event& one = *back.events.front();
    CHECK(one.message() == "one");
    CHECK((one.time_ms == 1'761'492'406'789 && one.severity == log::level::error && !one.whole && one.sequence == 1));
    const spool_batch more = second->read(one_event);
    CHECK((more.events.size() == 1 && more.events.front()->whole && more.events.front()->severity == log::level::info));
    const spool_batch last = second->read(plenty);
    REQUIRE(last.events.size() == 1);
    CHECK(last.events.front()->escaped == 1'000'000);
    CHECK_FALSE(last.earlier_left);
    CHECK_FALSE(second->read(plenty).moved);
    const sequence_range done{1, 2};
    second->settle({&done, 1});
    second.reset();
    CHECK(read_all(*open()) == numbered{{3, std::string(1'000'000, 'x')}});
}

TEST_CASE_METHOD(spool_folder, "what is in memory is not read again by the process that wrote it") {
    auto s = open();
    event_list one = events_of({"one"}), two = events_of({"two"});
    s->append(one, true, log::level::info, now);
    CHECK(put(*s, {"disk"}, now) == spool_status::stored);
    s->append(two, false, log::level::info, now);
    CHECK(read_all(*s) == numbered{{2, "disk"}, {3, "two"}});
    s.reset();
    CHECK(read_all(*open()) == numbered{{1, "one"}, {2, "disk"}, {3, "two"}});
}

TEST_CASE_METHOD(spool_folder, "a segment leaves when the disk knows that all of it is settled, not before") {
    auto s = open(100);
    for (int i = 0; i < 4; ++i) put(*s, {std::string(60, 'x')}, now);
    CHECK(segments().size() == 4);
    read_all(*s);
    fs::create_directory(path / "settled1.new");  // it cannot be written
    const sequence_range done{1, 2};
    s->settle({&done, 1});
    CHECK(segments().size() == 4);
    fs::remove(path / "settled1.new");
    s->settle({});
    CHECK(segments().size() == 2);
    CHECK(s->counters().segments == 2);
    CHECK(s->counters().bytes == 2 * (60 + 1 + record_header));
    s.reset();
    CHECK(read_all(*open(100)).size() == 2);
}

TEST_CASE_METHOD(spool_folder, "new events never get numbers that were settled, even if their segments are gone") {
    auto s = open();
    put(*s, {"one", "two", "three"}, now);
    read_all(*s);
    const sequence_range done{1, 3};
    s->settle({&done, 1});
    s.reset();
    for (const fs::path& file : segments()) fs::remove(file);  // a power cut before they were on the disk
    s = open();
    put(*s, {"four"}, now);
    s.reset();
    CHECK(read_all(*open()) == numbered{{4, "four"}});
}

TEST_CASE_METHOD(spool_folder, "the number of a segment in which nothing can be read is not used again") {
    auto s = open();
    put(*s, {"one"}, now);
    s.reset();
    write_bytes(segments().at(0), std::string(60, 'x'));
    salt = 1;  // so the name of the next one stands before it
    s = open();
    put(*s, {"two"}, now);
    s.reset();
    s = open();
    put(*s, {"three"}, now);
    s.reset();
    CHECK(read_all(*open()) == numbered{{2, "two"}, {3, "three"}});
}

TEST_CASE_METHOD(spool_folder, "what lies between is counted when it is lost") {
    auto s = open(200);
    for (int i = 1; i <= 8; ++i) put(*s, {"event " + std::to_string(i) + std::string(50, '.')}, now);
    s.reset();
    REQUIRE(segments().size() == 4);
    const auto damaged = segments();
    std::string bytes = bytes_of(damaged[0]);
    bytes[40] ^= 1;
    write_bytes(damaged[0], bytes);
    fs::remove(damaged[2]);
    s = open(200);
    CHECK(read_all(*s).size() == 5);
    CHECK(s->counters().lost == 3);
    CHECK(s->counters().corrupt == 1);
    s->settle({});
    s.reset();
    s = open(200);
    read_all(*s);
    CHECK(s->counters().lost == 0);  // told once
}

TEST_CASE_METHOD(spool_folder, "a text cannot pose as a record when the record around it is damaged") {
    std::string forged;
    append_record(forged, 1, 1, *events_of({"forged"}).front());
    auto s = open();
    put(*s, {"before" + forged + "after"}, now);
    put(*s, {"second"}, now);
    s.reset();
    std::string bytes = bytes_of(segments().at(0));
    bytes[26] ^= 1;
    write_bytes(segments().at(0), bytes);
    CHECK(read_all(*open()) == numbered{{2, "second"}});
}

TEST_CASE_METHOD(spool_folder, "the bytes on the disk are bounded; who gives way says the policy") {
    const std::vector<std::string> text{std::string(75, 'x')};  // 100 bytes
    SECTION("the newest") {
        auto s = make(100, 1000);
        REQUIRE(s->open());
        for (int i = 0; i < 10; ++i) CHECK(put(*s, text, now) == spool_status::stored);
        CHECK(put(*s, text, now) == spool_status::full);
        CHECK(s->counters().bytes == 1000);
        CHECK(s->counters().working);
    }
    SECTION("all but errors, sooner") {
        auto s = make(100, 1000, overflow::keep_errors);
        REQUIRE(s->open());
        for (int i = 0; i < 7; ++i) CHECK(put(*s, text, now) == spool_status::stored);
        CHECK(put(*s, text, now) == spool_status::full);
        for (int i = 0; i < 3; ++i) CHECK(put(*s, text, now, log::level::error) == spool_status::stored);
        CHECK(put(*s, text, now, log::level::error) == spool_status::full);
    }
    SECTION("the oldest that is not in memory") {
        auto s = make(200, 1000, overflow::drop_oldest);
        REQUIRE(s->open());
        for (int i = 0; i < 5; ++i) put(*s, text, now);
        s.reset();
        s = make(200, 1000, overflow::drop_oldest);
        REQUIRE(s->open());
        CHECK(s->read(one_event).events.front()->sequence == 1);
        for (int i = 0; i < 5; ++i) CHECK(put(*s, text, now) == spool_status::stored);
        event_list one = events_of(text);
        const spool_stored out = s->append(one, false, log::level::info, now);
        CHECK(out.status == spool_status::stored);
        CHECK((out.displaced.earlier == 2 && out.displaced.ours == 0));
        CHECK(s->counters().bytes == 900);
        const numbered left = read_all(*s);
        CHECK((left.size() == 8 && left.begin()->first == 2 && std::next(left.begin())->first == 5));
        CHECK(s->counters().lost == 0);
    }
}

TEST_CASE_METHOD(spool_folder, "one process at a time, and only its owner reads it") {
    auto s = open();
    put(*s, {"one"}, now);
    s->settle({});
    auto other = make();
    CHECK_FALSE(other->open());
    CHECK(other->counters().error == EWOULDBLOCK);
    CHECK(put(*other, {"two"}, now) == spool_status::failed);
    for (const auto& entry : fs::directory_iterator(path)) {
        struct stat about{};
        ::stat(entry.path().c_str(), &about);
        INFO(entry.path());
        CHECK((about.st_mode & 0777) == 0600);
    }
    struct stat about{};
    ::stat(path.c_str(), &about);
    CHECK((about.st_mode & 0777) == 0700);
    s.reset();
    CHECK(other->open());
    CHECK(other->counters().working);
    CHECK(read_all(*other).size() == 1);
}

TEST_CASE_METHOD(spool_folder, "files of another version are left as they are, and a wrong directory stops nothing") {
    fs::create_directory(path);
    write_bytes(path / "0000000000000001-0000000000000002.spool2", "later");
    fs::create_directory(path / "0000000000000005-0000000000000002.spool1");
    auto s = open();
    CHECK(s->counters().set_aside == 2);
    put(*s, {"one"}, now);
    CHECK(read_all(*s).size() == 1);
    CHECK(bytes_of(path / "0000000000000001-0000000000000002.spool2") == "later");
    s.reset();
    for (const fs::path& wrong : {root / "missing" / "spool", path / "0000000000000001-0000000000000002.spool2"}) {
        spool none({wrong.string()}, overflow::drop_newest, 1);
        CHECK_FALSE(none.open());
        CHECK(none.counters().error == (wrong.filename() == "spool" ? ENOENT : ENOTDIR));
        CHECK_FALSE(none.counters().working);
    }
}

TEST_CASE_METHOD(spool_folder, "a full disk leaves nothing half written, and is asked again after half a minute") {
    const spool_sync sync = GENERATE(spool_sync::os, spool_sync::each);
    auto s = make(0, 1 << 28, overflow::drop_newest, sync);
    REQUIRE(s->open());
    CHECK(put(*s, {"one"}, now) == spool_status::stored);
    {
        const full_disk full(50);
        CHECK(put(*s, {"does not fit"}, now) == spool_status::failed);
        CHECK(s->counters().error == EFBIG);
        CHECK_FALSE(s->counters().working);
        CHECK(fs::file_size(segments().at(0)) == record_header + 4);
        CHECK(put(*s, {"again too late"}, now + 30s) == spool_status::failed);
    }
    CHECK(s->counters().failures == 2);
    CHECK(put(*s, {"too soon"}, now + 59s) == spool_status::failed);
    CHECK(put(*s, {"two"}, now + 60s) == spool_status::stored);
    CHECK(s->counters().working);
    CHECK(s->counters().error == 0);
    CHECK(read_all(*s) == numbered{{1, "one"}, {2, "two"}});
    CHECK(s->counters().lost == 0);
}

TEST_CASE_METHOD(spool_folder, "no more is read than there is room for") {
    auto s = open();
    for (int i = 0; i < 5; ++i) put(*s, {std::string(100, 'x')}, now);
    const std::size_t size = log_event::memory_for(100);
    CHECK(s->read({size - 1, 9}).events.empty());
    CHECK_FALSE(s->read({size - 1, 9}).moved);
    CHECK(s->read({2 * size + 2 * 8, 9, 8}).events.size() == 2);
    CHECK(s->read({9 * size, 1}).events.size() == 1);
    CHECK(s->read({size - 1, 9, 0, true}).events.size() == 1);
    CHECK(s->read(plenty).events.size() == 1);
    CHECK(s->counters().lost == 0);
}

TEST_CASE_METHOD(spool_folder, "a file that somebody shortens while it is in use ends there") {
    auto s = open();
    put(*s, {"one", "two"}, now);
    fs::resize_file(segments().at(0), 40);
    CHECK(read_all(*s).size() == 1);
    CHECK(s->counters().lost == 1);
}

TEST_CASE_METHOD(spool_folder, "a record is on the disk as it is documented") {
    crc32c sum;
    sum.process_bytes("123456789", 9);
    CHECK(sum.checksum() == 0xe3069283);
    auto s = open();
    event_list events = events_of({"hi"}, 0x0102);
    events.front()->severity = log::level::error;
    s->append(events, false, log::level::info, now);
    REQUIRE(segments().at(0).filename() == "0000000000000001-000000000000004e.spool1");
    std::string bytes = bytes_of(segments().at(0));
    CHECK(number_at<std::uint32_t>(bytes, 4) == record_sum(0x4e, bytes));
    bytes.replace(4, 4, "####");
    CHECK(bytes == std::string("\3\0\0\0####\1\0\0\0\0\0\0\0\2\1\0\0\0\0\0\0\4hi", 27));
}

TEST_CASE("numbers that are settled are kept as few ranges, and come back from their bytes") {
    settled_ranges some;
    for (const std::uint64_t n : {7, 3, 5, 1, 2, 9, 4}) some.add({n, n});
    CHECK((some.low() == 5 && some.high() == 9));
    CHECK(some.bytes().size() == 8 + 3 * 16 + 4);
    CHECK((some.open_in({1, 10}) == 3 && some.open_in({6, 6}) == 1 && some.open_in({7, 7}) == 0 && some.open_in({3, 2}) == 0));
    std::string bytes = some.bytes();
    REQUIRE(settled_ranges::from(bytes));
    CHECK(settled_ranges::from(bytes)->bytes() == bytes);
    bytes[12] ^= 1;
    CHECK_FALSE(settled_ranges::from(bytes));
    CHECK_FALSE(settled_ranges::from(""));
    some.add({6, 8});
    CHECK((some.low() == 9 && some.bytes().size() == 8 + 16 + 4));
}
