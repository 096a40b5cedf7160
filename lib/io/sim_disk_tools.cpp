// The part of SimDisk that tests use to look at and to prepare a disk.
#include <algorithm>

#include "base/assert.h"
#include "io/sim_disk.h"

namespace sluice::io {
namespace {

constexpr PeerCredentials kOwner{.pid = 1, .uid = 1000, .gid = 1000};

std::pair<std::string_view, std::string_view> split(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    SLUICE_ASSERT(slash != std::string_view::npos, "'{}' is not absolute", path);
    return {slash == 0 ? path.substr(0, 1) : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

std::shared_ptr<SimInode> SimDisk::find(std::string_view path) const {
    Place place;
    return walk(nullptr, path, 0, place) < 0 ? nullptr : place.inode;
}

std::shared_ptr<SimInode> SimDisk::find_or_make(std::string_view path, SimFileType type) {
    if (std::shared_ptr<SimInode> found = find(path)) {
        SLUICE_ASSERT(found->type == type, "'{}' exists and is of another type", path);
        return found;
    }
    const auto [parent, name] = split(path);
    const std::shared_ptr<SimInode> directory = find_or_make(parent, SimFileType::directory);
    std::shared_ptr<SimInode> inode = make_inode(type, type == SimFileType::directory ? 0755 : 0644, kOwner);
    inode->links = 1;
    directory->entries[std::string(name)] = inode;
    directory->durable_entries[std::string(name)] = inode;
    return inode;
}

bool SimDisk::exists(std::string_view path) const {
    return find(path) != nullptr;
}

std::optional<Bytes> SimDisk::content(std::string_view path) const {
    const std::shared_ptr<SimInode> inode = find(path);
    if (!inode || inode->type != SimFileType::regular) {
        return std::nullopt;
    }
    Bytes bytes(inode->data.size());
    inode->data.read(0, bytes);
    return bytes;
}

std::optional<Bytes> SimDisk::durable_content(std::string_view path) const {
    const std::shared_ptr<SimInode> inode = find(path);
    if (!inode || inode->type != SimFileType::regular || !durable_name(path)) {
        return std::nullopt;
    }
    Bytes bytes(inode->data.durable_size());
    inode->data.durable_read(0, bytes);
    return bytes;
}

bool SimDisk::durable_name(std::string_view path) const {
    const SimInode* current = root_.get();
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        if (name.empty()) {
            continue;
        }
        const auto now = current->entries.find(name);
        const auto durable = current->durable_entries.find(name);
        if (now == current->entries.end() || durable == current->durable_entries.end() ||
            now->second != durable->second) {
            return false;
        }
        current = now->second.get();
    }
    return true;
}

std::size_t SimDisk::dirty_changes(std::string_view path) const {
    const std::shared_ptr<SimInode> inode = find(path);
    return inode ? inode->data.dirty_changes() : 0;
}

std::vector<std::string> SimDisk::names(std::string_view directory) const {
    std::vector<std::string> names;
    if (const std::shared_ptr<SimInode> inode = find(directory)) {
        for (const auto& [name, child] : inode->entries) {
            names.push_back(name);
        }
    }
    return names;
}

void SimDisk::put_file(std::string_view path, ByteView content) {
    const std::shared_ptr<SimInode> inode = find_or_make(path, SimFileType::regular);
    change_data(*inode, [&](SimData& data) {
        data = SimData();
        data.write(0, content, SimData::Via::durable);
    });
}

void SimDisk::make_directories(std::string_view path) {
    find_or_make(path, SimFileType::directory);
}

void SimDisk::make_symlink(std::string_view path) {
    find_or_make(path, SimFileType::symlink);
}

void SimDisk::flip(std::string_view path, std::uint64_t offset, std::byte mask) {
    const std::shared_ptr<SimInode> inode = find(path);
    SLUICE_ASSERT(inode && offset < inode->data.size(), "'{}' has no byte {}", path, offset);
    inode->data.flip(offset, mask);
}

void SimDisk::remove(std::string_view path) {
    const std::shared_ptr<SimInode> inode = find(path);
    if (!inode) {
        return;
    }
    if (inode->type == SimFileType::directory) {
        for (const std::string& name : names(path)) {
            remove(std::string(path) + "/" + name);
        }
    }
    const auto [parent, name] = split(path);
    const std::shared_ptr<SimInode> directory = find(parent);
    const std::string key(name);
    std::erase_if(unsynced_names_, [&](const NameChange& change) {
        return change.inode == inode || (change.directory == directory && change.name == key);
    });
    directory->entries.erase(key);
    directory->durable_entries.erase(key);
    drop_link(*inode);
}

}  // namespace sluice::io
