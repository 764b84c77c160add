// SPDX-License-Identifier: BSL-1.0
#pragma once

// Non-template bodies of adapters and clients live in impl/*.ipp: included by their headers, or compiled once through
// kedge/src.hpp when KEDGE_SEPARATE_COMPILATION is defined.
#ifdef KEDGE_SEPARATE_COMPILATION
#define KEDGE_DECL
#else
#define KEDGE_DECL inline
#endif
