#include "store/same_file.h"

namespace sluice::store {

Task<Result<>> check_leads_to(io::Kernel& kernel, std::string path, const io::Handle& file) {
    const Result<io::FileStat> open = co_await kernel.stat(file);
    const Result<io::FileStat> found = co_await kernel.stat_at(-1, path);
    if (!found && found.error().code() == Errc::not_found) {
        co_return fail(Errc::not_found, "'{}' is not there any more", path);
    }
    if (open && found && (open->device != found->device || open->inode != found->inode)) {
        co_return fail(Errc::not_found, "'{}' is another file than the one that is open", path);
    }
    co_return Result<>{};
}

Task<Result<>> check_is_there(io::Kernel& kernel, std::string path) {
    const Result<io::FileStat> found = co_await kernel.stat_at(-1, path);
    if (!found && found.error().code() == Errc::not_found) {
        co_return fail(Errc::not_found, "'{}' is not there any more", path);
    }
    co_return Result<>{};
}

}  // namespace sluice::store
