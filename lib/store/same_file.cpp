#include "store/same_file.h"

namespace sluice::store {
namespace {

Result<> is_found(const Result<io::FileStat>& found, std::string_view path) {
    if (!found && found.error().code() == Errc::not_found) {
        return fail(Errc::not_found, "'{}' is not there any more", path);
    }
    return {};
}

}  // namespace

Task<Result<>> check_leads_to(io::Kernel& kernel, std::string path, const io::Handle& file) {
    const Result<io::FileStat> open = co_await kernel.stat(file);
    const Result<io::FileStat> found = co_await kernel.stat_at(-1, path);
    SLUICE_CO_CHECK(is_found(found, path));
    if (open && found && (open->device != found->device || open->inode != found->inode)) {
        co_return fail(Errc::not_found, "'{}' is another file than the one that is open", path);
    }
    co_return Result<>{};
}

Task<Result<>> check_is_there(io::Kernel& kernel, std::string path) {
    const Result<io::FileStat> found = co_await kernel.stat_at(-1, path);
    co_return is_found(found, path);
}

}  // namespace sluice::store
