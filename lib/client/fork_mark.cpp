#include "client/fork_mark.h"

#include <sys/mman.h>
#include <unistd.h>

namespace sluice::client {
namespace {

std::size_t page_bytes() noexcept {
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Null: there is none.
volatile std::uint8_t* wiped_page() noexcept {
    void* const page = ::mmap(nullptr, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return nullptr;
    }
    if (::madvise(page, page_bytes(), MADV_WIPEONFORK) != 0) {
        ::munmap(page, page_bytes());
        return nullptr;
    }
    auto* const mark = static_cast<volatile std::uint8_t*>(page);
    *mark = 1;
    return mark;
}

}  // namespace

ForkMark::ForkMark(Way way) noexcept : page_(way == Way::page ? wiped_page() : nullptr), pid_(::getpid()) {}

ForkMark::~ForkMark() {
    if (page_ != nullptr) {
        ::munmap(const_cast<std::uint8_t*>(page_), page_bytes());
    }
}

bool ForkMark::forked() const noexcept {
    return page_ != nullptr ? *page_ == 0 : ::getpid() != pid_;
}

}  // namespace sluice::client
