// fmt, with its one large function compiled once.  fmt 9, of Debian 12, leaves vformat_to() to be instantiated by every
// file that calls format_to(): 3.5 of the 4.1 CPU seconds that an average file of this tree took.  fmt 10 declares this
// itself.
#pragma once
#include <fmt/format.h>

#if FMT_VERSION < 100000
FMT_BEGIN_NAMESPACE
namespace detail {
extern template void vformat_to<char>(buffer<char>&, basic_string_view<char>,
                                      basic_format_args<FMT_BUFFER_CONTEXT(char)>, locale_ref);
}  // namespace detail
FMT_END_NAMESPACE
#endif
