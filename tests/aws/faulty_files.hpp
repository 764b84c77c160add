// SPDX-License-Identifier: BSL-1.0
#pragma once
// A disk that fails when it is told to.
#include <kedge/aws/detail/system_files.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace kedge_test {

/// Passes calls on, but for those from number `first` on, `count` of them: these fail with `error`, writes half done.
class faulty_files : public kedge::aws::detail::system_files {
public:
    std::uint64_t first = 0, count = 0;
    int error = EIO;
    std::uint64_t calls = 0, failed = 0;

    int mkdir(const char* path) noexcept override { return fails() ? -1 : system_files::mkdir(path); }
    int openat(int directory, const char* name, int how) noexcept override {
        return fails() ? -1 : system_files::openat(directory, name, how);
    }
    int fstatat(int directory, const char* name, struct stat& about) noexcept override {
        return fails() ? -1 : system_files::fstatat(directory, name, about);
    }
    ssize_t pread(int file, char* to, std::size_t size, std::uint64_t offset) noexcept override {
        return fails() ? -1 : system_files::pread(file, to, size, offset);
    }
    ssize_t write(int file, const void* from, std::size_t size) noexcept override {
        const bool failing = will_fail();
        if (failing && half_written_) half_written_ = false;
        else if (failing && size > 1) return half_written_ = true, system_files::write(file, from, size / 2);
        return fails() ? -1 : system_files::write(file, from, size);
    }
    int ftruncate(int file, std::uint64_t size) noexcept override { return fails() ? -1 : system_files::ftruncate(file, size); }
    int fdatasync(int) noexcept override { return fails() ? -1 : 0; }  // nobody waits for a real disk
    int fsync(int) noexcept override { return fails() ? -1 : 0; }
    int renameat(int directory, const char* from, const char* to) noexcept override {
        return fails() ? -1 : system_files::renameat(directory, from, to);
    }
    int unlinkat(int directory, const char* name) noexcept override {
        return fails() ? -1 : system_files::unlinkat(directory, name);
    }

private:
    bool will_fail() const noexcept { return calls + 1 >= first && calls + 1 < first + count; }
    bool fails() noexcept {
        const bool failing = will_fail();
        ++calls;
        if (!failing) return false;
        ++failed;
        errno = error;
        return true;
    }

    bool half_written_ = false;
};

}  // namespace kedge_test
