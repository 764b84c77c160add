// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kedge::aws::detail {

/// What a spool asks of the system, each as the call of that name: the seam at which tests make a disk fail, hang or lose what it
/// was not told to keep.
class system_files {
public:
    virtual ~system_files() = default;

    virtual int mkdir(const char* path) noexcept { return ::mkdir(path, 0700); }
    virtual int openat(int directory, const char* name, int how) noexcept {
        return ::openat(directory, name, how | O_CLOEXEC, 0600);
    }
    virtual int fstatat(int directory, const char* name, struct stat& about) noexcept {
        return ::fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW);
    }
    virtual ssize_t pread(int file, char* to, std::size_t size, std::uint64_t offset) noexcept {
        return ::pread(file, to, size, static_cast<off_t>(offset));
    }
    virtual ssize_t write(int file, const void* from, std::size_t size) noexcept { return ::write(file, from, size); }
    virtual int ftruncate(int file, std::uint64_t size) noexcept { return ::ftruncate(file, static_cast<off_t>(size)); }
    virtual int fdatasync(int file) noexcept { return ::fdatasync(file); }
    virtual int fsync(int file) noexcept { return ::fsync(file); }
    virtual int renameat(int directory, const char* from, const char* to) noexcept {
        return ::renameat(directory, from, directory, to);
    }
    virtual int unlinkat(int directory, const char* name) noexcept { return ::unlinkat(directory, name, 0); }
};

/// The real ones.
inline system_files& real_files() noexcept {
    static system_files files;
    return files;
}

}  // namespace kedge::aws::detail
