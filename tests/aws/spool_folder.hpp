// SPDX-License-Identifier: BSL-1.0
#pragma once
// A spool in a directory of its own, and what lies there.
#include "../support/catch.hpp"

#include <kedge/aws/detail/spool.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <stdlib.h>

namespace kedge_test {

using namespace kedge;
using namespace kedge::aws;
using namespace kedge::aws::detail;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

inline event_list events_of(const std::vector<std::string>& texts, std::int64_t time_ms = 5) {
    event_list out;
    for (const std::string& text : texts) {
        log_event* const event = log_event::make(text.size());
        std::copy(text.begin(), text.end(), event->text());
        event->time_ms = time_ms;
        out.push_back(*event);
    }
    return out;
}

class spool_folder {
public:
    spool_folder() {
        std::string name = (fs::temp_directory_path() / "kedge-spool-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()));
        root = name;
        path = root / "spool";
    }
    ~spool_folder() { fs::remove_all(root); }

    std::unique_ptr<spool> make(std::size_t segment_bytes = 0, std::size_t max_bytes = 1 << 28,
                                overflow when_full = overflow::drop_newest, spool_sync sync = spool_sync::os) {
        return std::make_unique<spool>(spool_options{path.string(), max_bytes, sync}, when_full, ++salt, segment_bytes);
    }
    std::unique_ptr<spool> open(std::size_t segment_bytes = 0) {
        auto made = make(segment_bytes);
        REQUIRE(made->open());
        return made;
    }

    /// In the order in which they are read.
    std::vector<fs::path> segments() const {
        std::vector<fs::path> out;
        for (const auto& entry : fs::directory_iterator(path))
            if (entry.path().extension() == ".spool1") out.push_back(entry.path());
        std::sort(out.begin(), out.end());
        return out;
    }

    fs::path root, path;
    std::uint64_t salt = 77;
    time_point now{1000h};
};

inline std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

inline constexpr spool_room plenty{1 << 24, 100'000}, one_event{0, 1, 0, true};

/// All that can be read, with their numbers.
inline std::map<std::uint64_t, std::string> read_all(spool& from) {
    std::map<std::uint64_t, std::string> out;
    for (spool_batch piece = from.read(plenty); piece.moved; piece = from.read(plenty))
        for (const log_event* e = piece.events.front(); e; e = e->next) {
            CHECK((out.empty() || out.rbegin()->first < e->sequence));
            out.emplace(e->sequence, e->message());
        }
    return out;
}

}  // namespace kedge_test
