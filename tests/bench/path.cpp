// path TASKS: runs tasks that do nothing from submission to result, on one thread and without sockets: packs, queues,
// frames, unpacks, calls and answers each, completes its future and reads the result. valgrind counts the instructions.
#include "core/scheduler/scheduler.hpp"

#include <farm/detail/call.hpp>
#include <farm/future.hpp>

#include <cstdlib>
#include <string_view>
#include <utility>

using namespace farm::detail;

namespace {

int noop(int i) { return i; }
using Noop = Call<int(int), int>;

struct Wire final : SchedulerPort {
  void start_group(Request const& /*request*/) override {}
  bool withdraw_start(Request const& /*request*/) override { return false; }
  void send_task(GroupId /*group*/, Task const& task, TaskHeader header) override {
    append_frame(to_rank, FrameType::task, task.id, &header, sizeof header, task.call);
  }
  void stop_task(GroupId /*group*/, std::uint64_t /*index*/) override {}
  void end_group(GroupId /*group*/) override {}
  void release_group(GroupId /*group*/) override {}
  void drained() override {}
  Clock::time_point now() override { return {}; }
  Clock::time_point roughly_now() override { return {}; }

  farm::Bytes to_rank;
  farm::Bytes to_master;
};

/// Serves all tasks in the buffer, as a rank does.
void serve(Wire& wire) {
  std::string_view rest = wire.to_rank;
  RankContext environment{};
  farm::Bytes value;
  while (auto const frame = next_frame(rest)) {
    auto payload = frame->payload;
    auto const header = take<TaskHeader>(payload);
    value.clear();
    reinterpret_cast<Invoker>(const_cast<void*>(farm::resolve({header.module, header.offset})))(payload, environment,
                                                                                                &value);
    AnswerHeader const answer{.run_nanoseconds = 100};
    append_frame(wire.to_master, FrameType::value, frame->id, &answer, sizeof answer, value);
  }
  wire.to_rank.clear();
}

}  // namespace

int main(int argc, char** argv) {
  int const tasks = argc == 2 ? std::atoi(argv[1]) : 1000;
  Wire wire;
  Scheduler scheduler{{.max_ranks = 1}, wire};
  scheduler.boot({.ranks = 1});
  scheduler.group_ready(1, {.ranks = 1});
  long sum = 0;
  for (int i = 0; i < tasks; ++i) {
    auto task = make_intrusive<Task>(Noop::address(), Noop::make(noop, i));
    task->id = static_cast<std::uint64_t>(i);
    farm::Future<int> const future{task};
    scheduler.submit(std::move(task));
    serve(wire);
    std::string_view rest = wire.to_master;
    while (auto const frame = next_frame(rest)) scheduler.answered(1, 0, *frame, "");
    wire.to_master.clear();
    sum += future.result();
  }
  return sum == static_cast<long>(tasks) * (tasks - 1) / 2 ? 0 : 1;
}
