// SPDX-License-Identifier: BSL-1.0
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif

#include "sanitizers.hpp"
#if defined(KEDGE_TEST_THREAD_SANITIZER)
/// Asio counts the references of an executor behind `any_io_executor` with a release and a fence; ThreadSanitizer sees no
/// fences, and takes the last owner's `delete` for a race with the decrement before it.
extern "C" const char* __tsan_default_suppressions() {
    return "race:~shared_target_executor\n";
}
#endif
