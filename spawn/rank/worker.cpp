#include "spawn/rank/worker.hpp"

#include "core/base/failure.hpp"
#include "core/base/host_name.hpp"
#include "core/task/frame.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/process_role.hpp"
#include "spawn/platform/throw_on_error.hpp"
#include "spawn/wire/channel.hpp"

#include <farm/detail/array_transport.hpp>
#include <farm/detail/call.hpp>
#include <farm/detail/span.hpp>
#include <farm/detail/task_stage.hpp>
#include <farm/mpi_error.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// How often a task's progress is told at most.
constexpr auto progress_interval = 50ms;

/// While it lives, what this process prints goes to a file.
class OutputFile {
 public:
  OutputFile(std::string const& directory, std::uint64_t task, int rank) {
    auto const path = fmt::format("{}/task-{}.rank-{}.txt", directory, task, rank);
    int const file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) throw std::system_error(errno, std::generic_category(), path);
    for (int const number : {STDOUT_FILENO, STDERR_FILENO}) {
      saved_.push_back(fcntl(number, F_DUPFD_CLOEXEC, 3));
      dup2(file, number);
    }
    close(file);
  }
  OutputFile(OutputFile const&) = delete;
  OutputFile& operator=(OutputFile const&) = delete;
  ~OutputFile() {
    flush_output();
    dup2(saved_[0], STDOUT_FILENO);
    dup2(saved_[1], STDERR_FILENO);
    close(saved_[0]);
    close(saved_[1]);
  }
  static void flush_output() {
    std::cout.flush();
    std::fflush(stdout);
  }

 private:
  std::vector<int> saved_;
};

/// A running task's way to hear of the master, by its guard, and to be heard.
class Line final : public TaskLine {
 public:
  Line(Channel& channel, std::uint64_t task, std::uint64_t key) : channel_(channel), task_(task), key_(key) {}

  [[nodiscard]] bool stop_requested() const noexcept override { return guard_link().is_to_stop(key_); }

  void set_progress(double done) override {
    auto const now = Clock::now();
    if (now - last_told_ < progress_interval && done < 1) return;
    last_told_ = now;
    append_frame(channel_.output(), FrameType::progress, task_, &done, sizeof done, {});
    channel_.flush();
  }

 private:
  Channel& channel_;
  std::uint64_t task_;
  std::uint64_t key_;
  Clock::time_point last_told_{};
};

/// What a traced task does.
class Spans final : public SpanSink {
 public:
  void add(SpanRecord span) override {
    std::scoped_lock const lock{mutex_};
    spans_.push_back(std::move(span));
  }
  std::vector<SpanRecord> take() {
    std::scoped_lock const lock{mutex_};
    return std::exchange(spans_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<SpanRecord> spans_;
};

/// The serving of one group's tasks.
class Server {
 public:
  /// `output_directory` is where each task's output has a file; empty: none.
  Server(std::uint64_t id, Comm const& group, std::string output_directory, Channel& channel)
      : id_(id),
        group_(group),
        group_name_(group_name(id)),
        output_directory_(std::move(output_directory)),
        channel_(channel) {}

  /// Throws what the initializer throws.
  void initialize(Frame const& frame) {
    auto payload = frame.payload;
    auto const header = take<TaskHeader>(payload);
    call(header, frame.id, payload, nullptr);
  }

  void run(Frame const& frame) {
    auto payload = frame.payload;
    auto const header = take<TaskHeader>(payload);
    key_ = task_key(id_, tasks_seen_++);
    if (!guard_link().begin(key_)) return;
    bool const wanted =
        header.want_value == WantValue::all_ranks || (header.want_value == WantValue::rank_0 && group_.rank() == 0);
    value_.clear();
    if (header.traced != 0) set_span_sink(&spans_);
    auto const start = Clock::now();
    std::optional<Failure> failure;
    try {
      call(header, frame.id, payload, wanted ? &value_ : nullptr);
      if (value_.size() + sizeof(AnswerHeader) > max_frame_size) {
        throw SerializationError(
            fmt::format("a result of {} bytes is more than a message may have ({})", value_.size(), max_frame_size));
      }
    } catch (...) {
      failure = current_failure();
      value_ = pack(*failure);
    }
    OutputFile::flush_output();
    for (auto const& file : staging_.take_files()) {
      append_frame(channel_.output(), FrameType::staged, frame.id, file);
    }
    auto const end = Clock::now();
    if (header.traced != 0) tell_times(frame.id, start, end);
    AnswerHeader const answer{static_cast<std::uint64_t>((end - start).count())};
    append_frame(channel_.output(), failure ? FrameType::error : FrameType::value, frame.id, &answer, sizeof answer,
                 value_);
    channel_.flush();  // the next task may take long, or wait for what the master does upon this answer
    // of a group of one nobody else need agree to it
    if (failure && group_.size() == 1) comms_.clear();
  }

 private:
  struct Slot {
    std::uint32_t epoch = 0;
    Comm comm;
  };

  void call(TaskHeader const& header, std::uint64_t task, std::string_view payload, Bytes* value) {
    TaskStage const stage{group_name_, task, header.attempt};
    Line line{channel_, task, key_};
    TaskContext context{task, header.attempt, group_.rank(), group_.size(), &line};
    RankContext environment{&context, &comm(header.comm_slot, header.comm_epoch), &kept_, &staging_};
    auto const invoke = invoker({header.module, header.offset});
    if (output_directory_.empty()) {
      invoke(payload, environment, value);
    } else {
      OutputFile const file{output_directory_, task, group_.rank()};
      invoke(payload, environment, value);
    }
  }

  void tell_times(std::uint64_t task, Clock::time_point start, Clock::time_point end) {
    set_span_sink(nullptr);
    auto const nanoseconds = [](Clock::time_point time) {
      return std::chrono::nanoseconds{time.time_since_epoch()}.count();
    };
    TaskTimes const times{nanoseconds(start), nanoseconds(end), spans_.take()};
    append_frame(channel_.output(), FrameType::times, task, pack(times));
  }

  Invoker invoker(CodeAddress address) {
    auto& known = invokers_[address.offset];
    if (known.second == nullptr || known.first != address) {
      known = {address, reinterpret_cast<Invoker>(const_cast<void*>(resolve(address)))};
    }
    return known.second;
  }

  /// All ranks of the group are told the same, in the same order, so that making it is collective.
  Comm const& comm(std::uint16_t slot, std::uint32_t epoch) {
    if (slot >= comms_.size()) comms_.resize(slot + 1U);
    auto& entry = comms_[slot];
    if (entry.comm.native() == MPI_COMM_NULL || entry.epoch != epoch) {
      entry.comm = group_.duplicate();
      entry.epoch = epoch;
      throw_on_error(entry.comm);
    }
    return entry.comm;
  }

  std::uint64_t id_;
  std::uint64_t tasks_seen_ = 0;
  std::uint64_t key_ = 0;  ///< of the last task
  Comm const& group_;
  std::string group_name_;
  std::string output_directory_;
  Channel& channel_;
  std::vector<Slot> comms_;
  std::unordered_map<std::uint64_t, std::pair<CodeAddress, Invoker>> invokers_;
  InitializerResult kept_;
  TaskFiles staging_;
  Spans spans_;
  Bytes value_;
};

/// Tells the master that what it asked for is done, or why not.
template <class Action>
void prepare(Channel& channel, FrameType asked, Action action) {
  Bytes answer;
  try {
    action();
  } catch (...) {
    answer = pack(current_failure());
  }
  OutputFile::flush_output();
  append_frame(channel.output(), FrameType::prepared, static_cast<std::uint64_t>(asked), answer);
  channel.flush();
}

/// While it lives, the process is as the tasks of a group want it.
class ProcessSettings {
 public:
  explicit ProcessSettings(Form const& form) {
    if (!form.working_directory.empty()) {
      directory_ = std::filesystem::current_path();
      if (chdir(form.working_directory.c_str()) != 0) {
        throw std::system_error(errno, std::generic_category(), "working_directory " + form.working_directory);
      }
    }
    for (auto const& [name, value] : form.environment) {
      char const* const before = getenv(name.c_str());
      variables_.emplace_back(name, before != nullptr ? std::optional<std::string>{before} : std::nullopt);
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ProcessSettings(ProcessSettings const&) = delete;
  ProcessSettings& operator=(ProcessSettings const&) = delete;
  ~ProcessSettings() {
    std::error_code error;
    if (directory_) std::filesystem::current_path(*directory_, error);
    for (auto const& [name, value] : variables_) {
      if (value) {
        setenv(name.c_str(), value->c_str(), 1);
      } else {
        unsetenv(name.c_str());
      }
    }
  }

 private:
  std::optional<std::filesystem::path> directory_;
  std::vector<std::pair<std::string, std::optional<std::string>>> variables_;
};

/// A group of static ranks, while it is formed.
class FormedGroup {
 public:
  FormedGroup(Form const& form, MPI_Comm all, Channel& channel)
      : surroundings_(form), comm_(make_comm(form, all)), server_(form.group, comm_, form.output_directory, channel) {}
  [[nodiscard]] Server& server() { return server_; }

 private:
  static Comm make_comm(Form const& form, MPI_Comm all) {
    MPI_Group everybody = MPI_GROUP_NULL;
    MPI_Group ours = MPI_GROUP_NULL;
    MPI_Comm comm = MPI_COMM_NULL;
    check_mpi(MPI_Comm_group(all, &everybody), "MPI_Comm_group");
    check_mpi(MPI_Group_incl(everybody, static_cast<int>(form.ranks.size()), form.ranks.data(), &ours),
              "MPI_Group_incl");
    // whatever the tag, a rank is in one group at a time, and all groups it is in are formed in order
    check_mpi(MPI_Comm_create_group(all, ours, static_cast<int>(form.group % 32768), &comm), "MPI_Comm_create_group");
    MPI_Group_free(&ours);
    MPI_Group_free(&everybody);
    throw_on_error(comm);
    return Comm::adopt(comm);
  }

  ProcessSettings surroundings_;
  Comm comm_;
  Server server_;
};

Hello make_hello(JoinInfo const& join_info, int rank) {
  if (!join_info.stage_directory.empty()) set_stage_directory(join_info.stage_directory);
  return {.group = join_info.group,
          .rank = rank,
          .guarded = guard_link().guarded(),
          .pid = getpid(),
          .host = host_name(),
          .build_id = program_build_id()};
}

/// A launcher may have started fewer ranks, or others than MPI knows of.
void check_size(JoinInfo const& join_info, int size) {
  if (join_info.ranks == 0 || join_info.ranks == size) return;
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string_view const library{text.data(), static_cast<std::size_t>(length)};
  throw SpawnError(fmt::format(
      "MPI_COMM_WORLD has {} rank{} where {} were asked for: the launcher has not started so many, or it is "
      "of another MPI than this program ({})",
      size, size == 1 ? "" : "s", join_info.ranks, library.substr(0, library.find_first_of(",\n"))));
}

/// True when the master says leave, false where it is gone.
bool serve_groups(Channel& channel, MPI_Comm all) {
  std::optional<FormedGroup> group;
  while (auto const frame = channel.next()) {
    if (frame->type == FrameType::leave) return true;
    if (frame->type == FrameType::dissolve) {
      group.reset();
    } else if (frame->type == FrameType::form) {
      prepare(channel, frame->type, [&] { group.emplace(unpack<Form>(frame->payload), all, channel); });
    } else if (group && frame->type == FrameType::initialize) {
      prepare(channel, frame->type, [&] { group->server().initialize(*frame); });
    } else if (group && frame->type == FrameType::task) {
      group->server().run(*frame);
    }
  }
  return false;
}

}  // namespace

void serve_tasks(JoinInfo const& join_info, MPI_Comm group) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what is printed before a death is not lost
  auto const comm = Comm::borrow(group);
  throw_on_error(group);
  throw_on_error(MPI_COMM_SELF);
  check_size(join_info, comm.size());
  auto const hello = make_hello(join_info, comm.rank());
  if (hello.guarded) guard_link().announce(join_info, hello);
  asio::io_context context{1};
  Channel channel{connect_to_master(context, join_info, hello)};
  Server server{join_info.group, comm, join_info.output_directory, channel};
  while (auto const frame = channel.next()) {
    if (frame->type == FrameType::leave) return;
    if (frame->type == FrameType::task) server.run(*frame);
    if (frame->type == FrameType::initialize) prepare(channel, frame->type, [&] { server.initialize(*frame); });
  }
  leave_at_once();
}

bool serve_static_groups(JoinInfo const& join_info, MPI_Comm all) {
  if (is_rank_process()) {  // which belongs to the farm alone
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    throw_on_error(MPI_COMM_WORLD);
    throw_on_error(MPI_COMM_SELF);
  }
  int rank = 0;
  check_mpi(MPI_Comm_rank(all, &rank), "MPI_Comm_rank");
  auto const hello = make_hello(join_info, rank);
  if (hello.guarded) guard_link().announce(join_info, hello);
  asio::io_context context{1};
  Channel channel{connect_to_master(context, join_info, hello)};
  return serve_groups(channel, all);
}

void serve_in_thread(Socket socket, MPI_Comm self) {
  Channel channel{std::move(socket)};
  static_cast<void>(serve_groups(channel, self));
}

void leave_at_once() {
  OutputFile::flush_output();
  _exit(1);
}

}  // namespace farm::detail
