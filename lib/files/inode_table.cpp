#include "files/inode_table.h"

namespace sluice::files {

std::shared_ptr<Inode> InodeTable::find(const io::FileStat& stat) {
    const Key key(stat.device, stat.inode);
    const auto found = inodes_.find(key);
    if (found != inodes_.end()) {
        return found->second.lock();  // Not null: the last owner erases the entry.
    }
    std::shared_ptr<Inode> inode(new Inode, [this, key](Inode* last) {
        inodes_.erase(key);
        delete last;
    });
    inodes_.emplace(key, inode);
    return inode;
}

}  // namespace sluice::files
