# Warnings and sanitizers for our own code: every target links this PRIVATE, nothing is set globally.
add_library(sluice_flags INTERFACE)
target_compile_options(sluice_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Woverloaded-virtual
    # For libsluice.so; the same for programs, because all share one precompiled header.
    -fPIC -fno-semantic-interposition
    -Wvla -Wimplicit-fallthrough -Wformat=2 -Wundef -Wcast-align
    # False positives of g++ 12: in std::string and std::optional at -O2, and for lambdas in coroutine frames.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict
        -Wno-array-bounds -Wno-subobject-linkage>)
option(SLUICE_WERROR "Treat warnings as errors" OFF)
if(SLUICE_WERROR)
    target_compile_options(sluice_flags INTERFACE -Werror)
endif()
set(SLUICE_SANITIZE "" CACHE STRING "Value for -fsanitize=, for example address,undefined or thread")
if(SLUICE_SANITIZE)
    target_compile_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    target_link_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE})
endif()
if(SLUICE_FUZZ)
    # Coverage in every object, so that the fuzz targets link the layers as they are.
    target_compile_options(sluice_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# One precompiled header for the tree: the standard headers, fmt (base/format.h), and nothing of ours.
add_library(sluice_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(sluice_pch PRIVATE sluice_flags fmt::fmt)
target_include_directories(sluice_pch PRIVATE ${CMAKE_SOURCE_DIR}/lib)
target_precompile_headers(sluice_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch.h)

# Files of a target that are compiled together, where they are: few enough for several CPUs, many enough to pay.
set(SLUICE_UNITY_FILES 12)
function(sluice_unite target)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ${SLUICE_UNITY} UNITY_BUILD_BATCH_SIZE ${SLUICE_UNITY_FILES})
endfunction()

# sluice_compile(TARGET): flags and the precompiled header for one of our targets.
function(sluice_compile target)
    sluice_unite(${target})
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:sluice_flags>)
    target_precompile_headers(${target} REUSE_FROM sluice_pch)
endfunction()
