// A master whose groups outlive it: succeeding_program DIRECTORY KIND COUNT RANKS. Runs COUNT tasks of that kind, with
// tags 1 to COUNT, of which those in the file `done` are not run again. Its state is in the directory:
//
//   groups/   for Outlive         stage/    the arrays
//   effects   a line for each begin and end of a task: "begin TAG ATTEMPT"
//   done      a line for each task whose end is kept: "TAG ATTEMPT RESULT"
//   go        tasks that wait go on when it exists
//   said      what this master says: "resolved N", "ready", "all done"
//   stay      the master does not end before it is gone
//
// Environment: RECONNECT, seconds. NO_CONFIRM: ends are kept, but not confirmed. KEEP_NOTHING: ends are not kept.
#include <farm/array.hpp>
#include <farm/comm.hpp>
#include <farm/detail/engine.hpp>
#include <farm/detail/submit.hpp>
#include <farm/detail/submit_program.hpp>
#include <farm/exit.hpp>
#include <farm/future.hpp>
#include <farm/program.hpp>
#include <farm/runtime.hpp>
#include <farm/stage_run.hpp>
#include <farm/task_context.hpp>

#include "core/task/task.hpp"
#include "spawn/hub/stage_owner.hpp"

#include <mpi.h>

#include <fcntl.h>
#include <unistd.h>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace farm;
using namespace farm::detail;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// Appends a line with one system call, so that lines of several processes are not mixed.
void append(std::string const& path, std::string const& line) {
  int const file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || write(file, (line + "\n").data(), line.size() + 1) < 0) std::abort();
  close(file);
}

void wait_for(std::string const& path) {
  while (!fs::exists(path)) std::this_thread::sleep_for(5ms);
}

/// Rank 0 tells when the task begins and ends; all ranks take part in both.
std::int64_t work(std::int64_t tag, std::string const& directory, bool waits, MPI_Comm comm, TaskContext& context) {
  auto const attempt = " " + std::to_string(context.attempt());
  MPI_Barrier(comm);
  if (context.rank() == 0) append(directory + "/effects", "begin " + std::to_string(tag) + attempt);
  if (waits) wait_for(directory + "/go");
  MPI_Barrier(comm);
  if (context.rank() == 0) append(directory + "/effects", "end " + std::to_string(tag) + attempt);
  return 10 * tag;
}

/// Short tasks, one after the other, some of which throw.
std::int64_t hurry(std::int64_t tag, std::string const& directory, MPI_Comm comm, TaskContext& context) {
  MPI_Barrier(comm);
  if (context.rank() == 0)
    append(directory + "/effects", "begin " + std::to_string(tag) + " " + std::to_string(context.attempt()));
  std::this_thread::sleep_for(std::chrono::milliseconds{tag % 7});
  return 10 * tag;
}

std::vector<double> make_array(std::int64_t tag, std::string const& directory, Array<double> const& in, MPI_Comm comm,
                               TaskContext& context) {
  work(tag, directory, true, comm, context);
  auto const values = in.read();
  return std::vector<double>(std::size_t{1} << 19U, values.at(0) + static_cast<double>(tag));
}

std::int64_t print(std::int64_t tag, std::string const& directory, TaskContext& context) {
  append(directory + "/effects", "begin " + std::to_string(tag) + " " + std::to_string(context.attempt()));
  wait_for(directory + "/print");
  for (int i = 0; i < 200'000; ++i) std::printf("line %d of a task that nobody listens to\n", i);
  append(directory + "/effects", "end " + std::to_string(tag) + " " + std::to_string(context.attempt()));
  wait_for(directory + "/go");
  return 10 * tag;
}

class Master {
 public:
  Master(std::string directory, std::string kind, std::int64_t count, int ranks)
      : directory_(std::move(directory)), kind_(std::move(kind)), count_(count), ranks_(ranks) {
    StageOwner::instance().open_in(directory_ + "/stage");
    std::ifstream file{directory_ + "/done"};
    for (std::string line; std::getline(file, line);) done_.insert(std::stoll(line));
    char const* const reconnect = getenv("RECONNECT");
    Outlive outlive{.directory = directory_ + "/groups",
                    .reconnect = std::chrono::seconds{reconnect != nullptr ? std::atoi(reconnect) : 60}};
    outlive.key.fill(7);
    engine_.emplace(
        EngineOptions{.max_ranks = 4 * ranks, .ranks_per_task = ranks, .max_losses = 9, .outlive = outlive});
  }

  void run() {
    std::promise<std::set<std::int64_t>> taken_over;
    engine_->take_over(
        {}, [this](auto claims, auto const& answer) { answer(find(claims)); },
        [&](auto const& groups) {
          append(directory_ + "/said", "resolved " + std::to_string(groups.size()));
          taken_over.set_value({});
        });
    taken_over.get_future().wait();
    for (std::int64_t tag = 1; tag <= count_; ++tag) {
      if (!done_.contains(tag) && !states_.contains(tag)) submit(tag, 0, TaggedSubmission::Kind::queued);
    }
    append(directory_ + "/said", "ready");
    for (auto const& [tag, state] : states_) end(tag, state);
    append(directory_ + "/said", "all done");
    if (fs::exists(directory_ + "/stay")) {
      while (fs::exists(directory_ + "/stay")) std::this_thread::sleep_for(5ms);
    }
    engine_->shutdown(true, false);
  }

 private:
  std::vector<StatePtr> find(std::vector<TaskClaim> const& claims) {
    std::vector<StatePtr> found;
    for (auto const& claim : claims) {
      auto const tag = static_cast<std::int64_t>(claim.tag);
      append(directory_ + "/said", "claimed " + std::to_string(tag) + (claim.answered ? " answered" : " running"));
      if (done_.contains(tag)) {
        found.emplace_back();
        continue;
      }
      submit(tag, claim.attempt - 1, TaggedSubmission::Kind::claimed);
      found.push_back(states_.at(tag));
    }
    return found;
  }

  void submit(std::int64_t tag, std::uint32_t earlier, TaggedSubmission::Kind kind) {
    TaggedSubmission const tagged{static_cast<std::uint64_t>(tag), earlier, kind};
    states_.emplace(tag, submit(tag));
  }

  StatePtr submit(std::int64_t tag) {
    TaskOptions const options;
    if (kind_ == "wait") return submit_call(*engine_, options, false, &work, tag, directory_, true);
    if (kind_ == "quick") return submit_call(*engine_, options, false, &work, tag, directory_, false);
    if (kind_ == "hurry") return submit_call(*engine_, options, false, &hurry, tag, directory_);
    if (kind_ == "print") return submit_call(*engine_, options, false, &print, tag, directory_);
    if (kind_ == "array") {
      if (input_.extents().empty()) input_ = stage(std::vector<double>(1 << 19, 0.5), {1 << 19});
      return submit_call(*engine_, options, false, &make_array, tag, directory_, input_);
    }
    auto const text = "echo begin " + std::to_string(tag) + " {attempt} >> " + directory_ + "/effects; while [ ! -e " +
                      directory_ + "/go ]; do sleep 0.02; done; echo end " + std::to_string(tag) + " {attempt} >> " +
                      directory_ + "/effects; echo " + std::to_string(10 * tag);
    return submit_program(*engine_, options,
                          Program{.command = {"sh", "-c", text}, .capture = 4096, .mpi = false, .fields = true});
  }

  /// Waits for the end of the task, and keeps it.
  void end(std::int64_t tag, StatePtr const& state) {
    std::string result;
    try {
      if (kind_ == "program") {
        result = Future<Exit>{state}.result().output;
        result = result.substr(0, result.find('\n'));
      } else if (kind_ == "array") {
        auto const values = Future<std::vector<double>>{state}.result();
        result = std::to_string(static_cast<std::int64_t>(10 * (values.back() - 0.5)));
      } else {
        result = std::to_string(Future<std::int64_t>{state}.result());
      }
    } catch (std::exception const& error) {
      result = error.what();
    }
    if (getenv("KEEP_NOTHING") != nullptr) return append(directory_ + "/said", "ended " + std::to_string(tag));
    append(directory_ + "/done", std::to_string(tag) + " " + std::to_string(attempts_of(*state)) + " " + result);
    if (getenv("NO_CONFIRM") == nullptr) engine_->confirm({state});
  }

  static std::uint32_t attempts_of(FutureState const& state) { return dynamic_cast<Task const&>(state).attempt(); }

  std::string directory_;
  std::string kind_;
  std::int64_t count_;
  int ranks_;
  std::set<std::int64_t> done_;
  std::map<std::int64_t, StatePtr> states_;
  Array<double> input_;
  std::optional<Engine> engine_;
};

}  // namespace

int main(int argc, char** argv) {
  Runtime runtime{argc, argv, Ranks::launch};
  if (argc < 5) return 2;
  fs::create_directories(std::string{argv[1]} + "/groups");
  append(std::string{argv[1]} + "/said", "master");
  Master{argv[1], argv[2], std::atoll(argv[3]), std::atoi(argv[4])}.run();
}
