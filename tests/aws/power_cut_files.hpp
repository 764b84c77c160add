// SPDX-License-Identifier: BSL-1.0
#pragma once
// A disk behind a page cache: at a power cut only what was synced is there for sure.
#include "spool_folder.hpp"

#include <kedge/aws/detail/system_files.hpp>
#include <kedge/detail/runtime_random.hpp>

#include <functional>
#include <optional>

namespace kedge_test {

/** Passes calls on, and knows of each file and of the names in the directory what the disk was made to keep. After @ref cut the
 *  directory holds what may be left then: of what was not synced any part, by blocks of 512 bytes and in any order.
 */
class power_cut_files final : public system_files {
public:
    power_cut_files(fs::path directory, std::uint64_t seed) : path_(std::move(directory)), draw_(seed) {}

    /// From this call on there is no power; 0: there is.
    std::uint64_t dies_at = 0, calls = 0;
    bool on() const noexcept { return dies_at == 0 || calls < dies_at; }

    int mkdir(const char* path) noexcept override {
        if (!powered()) return -1;
        const int result = system_files::mkdir(path);
        if (result == 0) is_new_ = true;
        return result;
    }
    int openat(int directory, const char* name, int how) noexcept override {
        if (!powered()) return -1;
        const int file = system_files::openat(directory, name, how);
        if (file >= 0 && (how & O_CREAT) != 0) created(name, file);
        else if (file >= 0) opened_.erase(file), parents_[file] = std::string_view(name) == "..";
        return file;
    }
    int fstatat(int directory, const char* name, struct stat& about) noexcept override {
        return powered() ? system_files::fstatat(directory, name, about) : -1;
    }
    ssize_t pread(int file, char* to, std::size_t size, std::uint64_t offset) noexcept override {
        return powered() ? system_files::pread(file, to, size, offset) : -1;
    }
    ssize_t write(int file, const void* from, std::size_t size) noexcept override {
        if (powered()) return system_files::write(file, from, size);
        errno = EIO;
        return -1;
    }
    int ftruncate(int file, std::uint64_t size) noexcept override {
        return powered() ? system_files::ftruncate(file, size) : -1;
    }
    int fdatasync(int file) noexcept override { return fsync(file); }
    int fsync(int file) noexcept override {
        if (!powered()) return -1;
        const auto found = opened_.find(file);
        if (found != opened_.end()) contents_[found->second].synced = now_of(found->second);
        else if (parents_[file]) is_new_ = false;
        else kept_ = names_, pending_.clear();
        return 0;
    }
    int renameat(int directory, const char* from, const char* to) noexcept override {
        if (!powered()) return -1;
        remember(to);
        const int result = system_files::renameat(directory, from, to);
        if (result != 0) return result;
        const int id = names_.at(from);
        change([=, a = std::string(from), b = std::string(to)](names& all) {
            all.erase(a);
            all[b] = id;
        });
        return 0;
    }
    int unlinkat(int directory, const char* name) noexcept override {
        if (!powered()) return -1;
        remember(name);
        const int result = system_files::unlinkat(directory, name);
        if (result == 0) change([gone = std::string(name)](names& all) { all.erase(gone); });
        return result;
    }

    /// The power comes back. Nobody uses the directory.
    void cut() {
        for (const auto& [name, id] : names_) remember(name);
        for (const auto& one : pending_)
            if (below(2) == 0) one(kept_);
        fs::remove_all(path_);
        if (is_new_ && below(2) == 0) kept_.clear();
        else fs::create_directory(path_);
        names_ = kept_;
        for (const auto& [name, id] : names_) {
            content& one = contents_[id];
            one.synced = rest_of(one);
            write_bytes(path_ / name, one.synced);
        }
        pending_.clear();
        opened_.clear();
        dies_at = 0;
    }

    std::size_t below(std::size_t n) { return static_cast<std::size_t>(draw_() % n); }

private:
    using names = std::map<std::string, int>;
    struct content {
        std::string synced{}, last{};
    };

    bool powered() noexcept {
        ++calls;
        errno = EIO;
        return on();
    }
    void created(const char* name, int file) {
        const auto found = names_.find(name);
        if (found == names_.end()) change([name = std::string(name), id = ++ids_](names& all) { all[name] = id; });
        opened_[file] = names_.at(name);
    }
    void change(std::function<void(names&)> how) {
        how(names_);
        pending_.push_back(std::move(how));
    }
    void remember(const std::string& name) {
        if (const auto found = names_.find(name); found != names_.end()) contents_[found->second].last = bytes_of(path_ / name);
    }
    std::string now_of(int id) {
        for (const auto& [name, one] : names_)
            if (one == id) return bytes_of(path_ / name);
        return contents_[id].last;
    }
    /// Some blocks are as they were synced, some as they were last, and some are only there.
    std::string rest_of(const content& one) {
        if (one.synced == one.last) return one.last;
        const std::size_t low = std::min(one.synced.size(), one.last.size()), high = std::max(one.synced.size(), one.last.size());
        std::string out(below(3) ? (below(2) ? one.last.size() : one.synced.size()) : low + below(high - low + 1), '\0');
        for (std::size_t at = 0; at < out.size(); at += 512) {
            const std::string& from = below(2) ? one.last : one.synced;
            if (at < from.size()) from.copy(out.data() + at, std::min<std::size_t>(512, out.size() - at), at);
        }
        return out;
    }

    fs::path path_;
    kedge::detail::splitmix draw_;
    names names_, kept_;  ///< as they are, and as the disk has them
    std::vector<std::function<void(names&)>> pending_;
    std::map<int, content> contents_;
    std::map<int, int> opened_;
    std::map<int, bool> parents_;
    int ids_ = 0;
    bool is_new_ = false;
};

}  // namespace kedge_test
