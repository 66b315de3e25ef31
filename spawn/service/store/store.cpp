#include "spawn/service/store/store.hpp"

#include "spawn/service/store/reader.hpp"
#include "spawn/service/store/recovery/opening.hpp"
#include "spawn/service/store/writer.hpp"

#include <utility>

namespace farm::detail {

struct Store::Parts {
  explicit Parts(std::filesystem::path const& directory)
      : damage{prepare_database(directory)}, writer{directory}, reader{directory} {}

  std::vector<std::string> damage;
  StoreWriter writer;  // whose connection is closed last: it takes the write-ahead log into the database
  StoreReader reader;
};

Store::Store(std::filesystem::path const& directory) : parts_{std::make_unique<Parts>(directory)} {}
Store::~Store() = default;

std::vector<std::string> const& Store::damage() const { return parts_->damage; }
std::vector<LoadedJob> Store::load() { return parts_->reader.load(); }
std::vector<StoredGroup> Store::load_groups() { return parts_->reader.load_groups(); }
std::uint64_t Store::next_job() { return parts_->writer.next_job(); }

void Store::add_job(StoredJob job, std::vector<TaskSpec> tasks, Done done) {
  parts_->writer.add({.what = StoreWriter::NewJob{std::move(job), std::move(tasks)}, .done = std::move(done)});
}

void Store::add_ends(std::vector<TaskEnd> ends, std::function<void()> done) {
  auto const answer = [done = std::move(done)](std::string const&) {
    if (done) done();
  };
  parts_->writer.add({.what = std::move(ends), .done = answer});
}

void Store::change(JobChange change, Done done) { parts_->writer.add({.what = change, .done = std::move(done)}); }

void Store::add_group(StoredGroup group) { parts_->writer.add({.what = std::move(group)}); }
void Store::remove_group(std::uint64_t group) { parts_->writer.add({.what = StoreWriter::RemovedGroup{group}}); }
bool Store::flush(double seconds) { return parts_->writer.flush(seconds); }

std::vector<TaskSpec> Store::tasks(std::uint64_t job, std::uint64_t first, std::uint64_t count) const {
  return parts_->reader.tasks(job, first, count);
}

std::vector<TaskEnd> Store::ends(std::uint64_t job, std::uint64_t first, std::uint64_t count) const {
  return parts_->reader.ends(job, first, count);
}

std::vector<TaskEnd> Store::history(std::uint64_t job, std::uint64_t task) const {
  return parts_->reader.history(job, task);
}

StoreHealth Store::health() const { return parts_->writer.health(); }

}  // namespace farm::detail
