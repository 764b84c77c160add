// SPDX-License-Identifier: BSL-1.0
#error kedge.hpp must not need <openssl/ssl.h>
