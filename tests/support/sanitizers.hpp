// SPDX-License-Identifier: BSL-1.0
#pragma once

// Which sanitizer this is compiled with: GCC and Clang 14 say it in two ways.

#if defined(__SANITIZE_ADDRESS__)
#define KEDGE_TEST_ADDRESS_SANITIZER
#endif
#if defined(__SANITIZE_THREAD__)
#define KEDGE_TEST_THREAD_SANITIZER
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEDGE_TEST_ADDRESS_SANITIZER
#endif
#if __has_feature(thread_sanitizer)
#define KEDGE_TEST_THREAD_SANITIZER
#endif
#endif
