// Who the other files of a store say it is, for where its file `identity` does not tell.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/kernel.h"
#include "part/source.h"
#include "store/segment_format.h"

namespace sluice::store {

class IdentityEvidence {
 public:
    // Whether a file of that name has the store's id: a segment, a part, or `sealed`.
    static bool is_in(std::string_view name) noexcept;
    // Such a file; one that is damaged says nothing.  Errors: unsupported for one of a newer program; of the source.
    Result<> add(const std::string& name, std::shared_ptr<const part::Source> file);

    // How many files agree so far.
    std::size_t files() const noexcept { return files_; }
    // What all say; nothing: there is none.  Errors: corrupt: two of them disagree.
    Result<std::optional<StoreId>> agreed() const;

 private:
    struct Said {
        std::string file{};
        StoreId id{};
    };
    std::optional<Said> first_;
    std::optional<Said> other_;
    std::size_t files_ = 0;
};

// All such files beneath `directory`.  The loop reads them itself: this is for a start that could not go on otherwise.
Task<Result<IdentityEvidence>> gather_evidence(io::Kernel& kernel, const io::Handle& directory);

// The same without a daemon, blocking: what `identity` says, or where it is damaged or gone, what all other files say.
struct OfflineIdentity {
    StoreId id{};
    std::optional<Error> why{};  // It does not come from `identity`.
};
// Errors: those of `identity`, if nothing else tells; corrupt: the others disagree.
Result<OfflineIdentity> read_identity(const std::string& directory);

}  // namespace sluice::store
