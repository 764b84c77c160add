# SPDX-License-Identifier: BSL-1.0
# Settings for kedge's own tests, examples and benchmarks; users never see them.

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

set(KEDGE_SANITIZE "" CACHE STRING "Sanitizers for tests and examples, e.g. address,undefined or thread")

add_library(kedge_development INTERFACE)
target_link_libraries(kedge_development INTERFACE kedge::kedge)
target_compile_options(kedge_development INTERFACE -Wall -Wextra -Wpedantic -Werror)
if(KEDGE_SANITIZE)
  target_compile_options(kedge_development INTERFACE -fsanitize=${KEDGE_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(kedge_development INTERFACE -fsanitize=${KEDGE_SANITIZE})
  if(KEDGE_SANITIZE MATCHES undefined)
    target_compile_options(kedge_development INTERFACE -fno-sanitize-recover=undefined)  # a report fails the test
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # false positives: Asio's fences under TSan, its futures and coroutine frames under ASan
    target_compile_options(kedge_development INTERFACE -Wno-tsan -Wno-maybe-uninitialized)
  elseif(KEDGE_SANITIZE MATCHES undefined)
    # Clang 14 cannot assemble its function signatures beside coroutines
    target_compile_options(kedge_development INTERFACE -fno-sanitize=function)
  endif()
endif()

# Units of one theme read the same headers and instantiate the same templates: together they build in less than half the time.
option(KEDGE_TOGETHER "Compile sources of one theme as one unit; OFF is quicker for who edits one of them again and again" ON)

# kedge_together(TARGET THEME...): one regular expression of names for each theme.
function(kedge_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${KEDGE_TOGETHER} UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  foreach(theme IN LISTS ARGN)
    set(units ${sources})
    list(FILTER units INCLUDE REGEX "/(${theme})\\.cpp$")
    string(MAKE_C_IDENTIFIER "${theme}" group)
    set_source_files_properties(${units} PROPERTIES UNITY_GROUP ${group})
  endforeach()
endfunction()
