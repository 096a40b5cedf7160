#include "files/files.h"

#include "environment.h"

namespace sluice::files::test {
namespace {

class FilesTest : public OnBothKernels {};
SLUICE_ON_BOTH_KERNELS(FilesTest);

std::string pattern(std::size_t length) {
    std::string text(length, '\0');
    for (std::size_t i = 0; i < length; ++i) {
        text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    }
    return text;
}

TEST_P(FilesTest, PutAndGetReturnTheSameBytes) {
    environment->make_directory("d");
    Service service(*environment);
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, kGetPieceBytes, kGetPieceBytes + 1, std::size_t{3'000'000}}) {
        const std::string bytes = pattern(size);
        EXPECT_EQ(service.put("d/a", bytes, {.durability = Durability::durable}), size);
        EXPECT_EQ(service.get("d/a"), bytes);
        EXPECT_EQ(environment->content("d/a"), bytes);
    }
    EXPECT_EQ(environment->names("d"), std::vector<std::string>{"a"});
}

TEST_P(FilesTest, DirectoriesAreMadeWhereThatIsAskedFor) {
    Service service(*environment);
    EXPECT_EQ(code_of(service.put("d/e/a", "1")), Errc::not_found);
    EXPECT_EQ(service.put("d/e/a", "1", {.durability = Durability::durable, .parents = true}), 1U);
    EXPECT_EQ(service.put("d/f/a", "22", {.parents = true}), 2U);
    EXPECT_EQ(service.put("d/f/a", "333", {.parents = true}), 3U);
    EXPECT_EQ(environment->content("d/e/a"), "1");
    EXPECT_EQ(environment->content("d/f/a"), "333");
    EXPECT_EQ(environment->names("d"), (std::vector<std::string>{"e", "f"}));
    const auto opened = service.open("g/a", {.parents = true, .replace = true});
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_TRUE(environment->run(service.table.commit(opened->handle, Durability::none)));
    EXPECT_EQ(environment->content("g/a"), "");
    EXPECT_EQ(code_of(service.put("d/e/a/b/c", "1", {.parents = true})), Errc::wrong_type);
    EXPECT_EQ(code_of(service.open("h/a", {.write = true, .create = true, .parents = true})), Errc::invalid_argument);
}

TEST_P(FilesTest, NoDirectoryIsMadeForWhoMayCreateNothing) {
    RootOptions options = open_root(*environment);
    options.rules.front().rights = {Right::read, Right::write, Right::append, Right::list};
    Service service(*environment, std::move(options));
    EXPECT_EQ(code_of(service.put("d/a", "1", {.parents = true})), Errc::not_found);
    EXPECT_EQ(environment->names(""), std::vector<std::string>());
}

TEST_P(FilesTest, NoFileGrowsBeyondTheLimitOfItsRoot) {
    environment->write_file("a", "12345678");
    RootOptions options = open_root(*environment, "files");
    options.file_bytes_max = 10;
    Service service(*environment, std::move(options));
    EXPECT_EQ(code_of(service.put("b", "0123456789x")), Errc::no_space);
    EXPECT_TRUE(service.put("b", "0123456789"));
    const auto opened = service.open("a", {.write = true, .append = true});
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ(code_of(service.append(opened->handle, "123")), Errc::no_space);
    EXPECT_EQ(code_of(service.write(opened->handle, 8, "123", Durability::durable)), Errc::no_space);
    EXPECT_TRUE(service.append(opened->handle, "12", Durability::durable));
    EXPECT_EQ(environment->content("a"), "1234567812");
    const auto replacing = service.open("c", {.replace = true});
    ASSERT_TRUE(replacing) << replacing.error();
    EXPECT_EQ(code_of(service.write(replacing->handle, 10, "x")), Errc::no_space);
}

TEST_P(FilesTest, GetHandsOutPiecesAndTheStat) {
    const std::string bytes = pattern(2 * kGetPieceBytes + 5);
    environment->write_file("a", bytes);
    Service service(*environment);
    Collector collector;
    const auto stat = environment->run(service.files.get(identity(), "files", "a", {}, collector));
    ASSERT_TRUE(stat) << stat.error();
    EXPECT_EQ(stat->size, bytes.size());
    ASSERT_EQ(collector.pieces.size(), 3U);
    EXPECT_EQ(collector.pieces[0].size(), kGetPieceBytes);
    EXPECT_EQ(collector.pieces[2].size(), 5U);
}

TEST_P(FilesTest, GetReadsARange) {
    const std::string bytes = pattern(300'000);
    environment->write_file("a", bytes);
    Service service(*environment);
    EXPECT_EQ(service.get("a", {.offset = 7, .length = 3}), bytes.substr(7, 3));
    EXPECT_EQ(service.get("a", {.offset = 100, .length = 200'000}), bytes.substr(100, 200'000));
    EXPECT_EQ(service.get("a", {.offset = 299'000}), bytes.substr(299'000));
    EXPECT_EQ(service.get("a", {.offset = 299'999, .length = 50}), bytes.substr(299'999));
    EXPECT_EQ(service.get("a", {.offset = 300'000}), "");
    EXPECT_EQ(service.get("a", {.offset = 999'999, .length = 1}), "");
}

TEST_P(FilesTest, ConsumerThatFailsEndsTheGet) {
    environment->write_file("a", pattern(3 * kGetPieceBytes));
    Service service(*environment);
    Collector collector;
    collector.fail_at = 2;
    const auto stat = environment->run(service.files.get(identity(), "files", "a", {}, collector));
    EXPECT_EQ(code_of(stat), Errc::closed);
    EXPECT_EQ(collector.pieces.size(), 2U);
    EXPECT_EQ(service.files.ledger().total(), 0U);
}

TEST_P(FilesTest, ErrorsNameRootAndPathEscaped) {
    Service service(*environment);
    const auto missing = service.get("no\nsuch");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), Errc::not_found);
    EXPECT_EQ(missing.error().text(), "open files:'no\\x0asuch': No such file or directory");
    EXPECT_EQ(code_of(service.put("no/dir", "x")), Errc::not_found);
    EXPECT_EQ(code_of(environment->run(service.files.stat(identity(), "other", "a"))), Errc::not_found);
}

TEST_P(FilesTest, StatTellsFilesAndDirectories) {
    environment->write_file("d/a", "12345");
    Service service(*environment);
    const auto file = environment->run(service.files.stat(identity(), "files", "d/a"));
    ASSERT_TRUE(file) << file.error();
    EXPECT_EQ(file->size, 5U);
    EXPECT_TRUE(S_ISREG(file->mode));
    EXPECT_NE(file->modified, 0);
    const auto directory = environment->run(service.files.stat(identity(), "files", "d"));
    ASSERT_TRUE(directory) << directory.error();
    EXPECT_TRUE(S_ISDIR(directory->mode));
    EXPECT_EQ(code_of(environment->run(service.files.stat(identity(), "files", "d/b"))), Errc::not_found);
}

TEST_P(FilesTest, DirectoriesAreRefused) {
    environment->make_directory("d/e");
    Service service(*environment);
    EXPECT_EQ(code_of(service.get("d")), Errc::wrong_type);
    EXPECT_EQ(code_of(service.open("d/e", {.read = true})), Errc::wrong_type);
    EXPECT_EQ(code_of(service.open("d", {.write = true})), Errc::wrong_type);
    EXPECT_EQ(code_of(service.put("d", "x")), Errc::wrong_type);
    EXPECT_EQ(code_of(service.open("d", {.replace = true})), Errc::wrong_type);
    EXPECT_EQ(service.files.ledger().total(), 0U);
}

TEST_P(FilesTest, PlainFileOnTheWayIsRefused) {
    environment->write_file("a", "x");
    Service service(*environment);
    EXPECT_EQ(code_of(service.get("a/b")), Errc::wrong_type);
    EXPECT_EQ(code_of(service.put("a/b", "x")), Errc::wrong_type);
}

TEST_P(FilesTest, EscapesAreRefusedByEveryRequest) {
    environment->write_file("in/a", "inside");
    environment->write_file("secret", "outside");
    RootOptions root = open_root(*environment);
    root.path = environment->absolute("in");
    Service service(*environment, std::move(root));
    const std::string absolute = environment->absolute("secret");
    for (const std::string& path : {std::string("../secret"), std::string("a/../../secret"), absolute}) {
        EXPECT_EQ(code_of(service.get(path)), Errc::permission_denied) << path;
        EXPECT_EQ(code_of(service.put(path, "x")), Errc::permission_denied) << path;
        EXPECT_EQ(code_of(service.open(path, {.read = true})), Errc::permission_denied) << path;
        EXPECT_EQ(code_of(service.open(path, {.replace = true})), Errc::permission_denied) << path;
        EXPECT_EQ(code_of(environment->run(service.files.stat(identity(), "files", path))), Errc::permission_denied);
    }
    EXPECT_EQ(environment->content("secret"), "outside");
}

}  // namespace
}  // namespace sluice::files::test
