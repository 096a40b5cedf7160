// Decodes a frame as its type says and encodes what came out.  Formats are canonical: the bytes must be the same again.
// Used by the tests and by the fuzz target.
#pragma once

#include "wire/frame.h"

namespace sluice::test {

// The whole frame again.  Errors: what the decoder said; unsupported for a type without a decoder.
Result<Bytes> reencode(const wire::FrameView& frame);

}  // namespace sluice::test
