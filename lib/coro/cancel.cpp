#include "coro/cancel.h"

namespace sluice::coro {

CancelNode::CancelNode(CancelNode* parent) noexcept {
    if (parent != nullptr) {
        cancelled_ = parent->cancelled_;
        parent->children_.push_back(*this);
    }
}

void CancelNode::cancel() noexcept {
    if (cancelled_) {
        return;
    }
    cancelled_ = true;
    while (!hooks_.empty()) {
        hooks_.pop_front().on_cancel();
    }
    children_.for_each([](CancelNode& child) { child.cancel(); });
}

}  // namespace sluice::coro
