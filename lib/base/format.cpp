#include "base/format.h"

#if FMT_VERSION < 100000
FMT_BEGIN_NAMESPACE
namespace detail {
template void vformat_to<char>(buffer<char>&, basic_string_view<char>, basic_format_args<FMT_BUFFER_CONTEXT(char)>,
                               locale_ref);
}  // namespace detail
FMT_END_NAMESPACE
#endif
