#include "spawn/service/server/service.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/hub/hub.hpp"
#include "spawn/join/handshake.hpp"
#include "spawn/service/api/api.hpp"
#include "spawn/service/dispatch/given_arrays.hpp"
#include "spawn/service/dispatch/task_kind_runner.hpp"
#include "spawn/service/http/server.hpp"
#include "spawn/service/queue/job_queue.hpp"
#include "spawn/service/server/state_directory.hpp"
#include "spawn/service/store/store.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string source_name(Source source) {
  if (source == Source::spawned) return "spawned";
  return source == Source::static_ranks ? "static" : "launched";
}

std::string random_key() {
  std::string text;
  for (auto const byte : random_bytes()) text += fmt::format("{:02x}", byte);
  return text;
}

std::set<std::string> keys_of(std::vector<LoadedJob> const& jobs) {
  std::set<std::string> keys;
  for (auto const& each : jobs) keys.insert(each.job.spec.key);
  return keys;
}

std::uint64_t open_jobs(std::vector<LoadedJob> const& jobs) {
  return static_cast<std::uint64_t>(std::count_if(jobs.begin(), jobs.end(), [](LoadedJob const& job) {
    return std::any_of(job.states.begin(), job.states.end(), [](TaskState state) { return !has_ended(state); });
  }));
}

}  // namespace

struct Service::Impl {
  explicit Impl(Options the_options)
      : options(std::move(the_options)), directory(options.directory), store(directory.path()) {
    auto jobs = store.load();
    facts.resumed_jobs = open_jobs(jobs);
    remove_arrays_without_job(directory.file("arrays"), keys_of(jobs), 24h);
    queue.emplace(store, std::move(jobs));
    dispatcher.emplace(*queue, store, dispatcher_options());
    describe();
    listen();
  }

  Dispatcher::Options dispatcher_options();
  void describe();
  void listen();

  Options options;
  StateDirectory directory;
  Store store;
  ServerFacts facts;
  std::optional<JobQueue> queue;
  std::optional<Dispatcher> dispatcher;
  std::optional<Api> api;
  std::string page_key;
  std::optional<http::Server> server;

  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Dispatcher::How> stopping;
};

Dispatcher::Options Service::Impl::dispatcher_options() {
  auto pool = options.pool;
  pool.workers.output_directory = (directory.file("output") / "{job}").string();
  return {.pool = pool,
          .outlive = Outlive{.directory = directory.file("groups"),
                             .reconnect = options.reconnect,
                             .key = directory.key(),
                             .on_group_started =
                                 [this](std::uint64_t group, std::string details) {
                                   store.add_group({group, std::move(details)});
                                 },
                             .on_group_gone = [this](std::uint64_t group) { store.remove_group(group); }},
          .output = directory.file("output"),
          .arrays = directory.file("arrays"),
          .groups = [this] {
            std::vector<GroupRecord> records;
            for (auto& each : store.load_groups()) records.push_back({each.group, std::move(each.details)});
            return records;
          }()};
}

void Service::Impl::describe() {
  auto const& source = Hub::instance().source();
  auto const& slots = source.slots();
  facts.version = FARM_VERSION;
  facts.program = options.program;
  facts.build = program_build_id();
  facts.directory = directory.path();
  facts.host = host_name();
  facts.process = getpid();
  facts.since = unix_time();
  facts.source = source_name(source.kind());
  facts.slots = slots.limited ? fmt::format("{} ({})", slots.total, slots.origin) : slots.origin;
  facts.outlives = dispatcher->outlives();
  facts.damage = store.damage();
  facts.stop = [this](Dispatcher::How how) {
    std::scoped_lock const lock{mutex};
    if (!stopping || *stopping < how) stopping = how;
    changed.notify_all();
  };
}

void Service::Impl::listen() {
  auto ports = options.listen;
  if (options.has_page && ports.empty()) ports.emplace_back("127.0.0.1:0");
  if (options.has_page) page_key = random_key();
  facts.page_key = page_key;
  api.emplace(*queue, store, *dispatcher, facts);
  server.emplace(
      http::ServerOptions{
          .socket = directory.file("server.sock"), .listen = ports, .token = directory.token(), .page_key = page_key},
      [this](http::Request&& request, http::Answer answer) { api->handle(std::move(request), std::move(answer)); });
  api->set_addresses(server->addresses());
  nlohmann::json const found{
      {"host", host_name()}, {"process", getpid()}, {"addresses", server->addresses()}, {"since", facts.since}};
  directory.write("server.json", found.dump() + "\n");
}

Service::Service(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Service::~Service() {
  impl_->dispatcher->stop(Dispatcher::How::now);
  impl_->dispatcher->wait_stopped(60s);
  impl_->server.reset();  // no request comes any more
  impl_->api.reset();
  impl_->dispatcher.reset();
  if (!impl_->store.flush(60))
    log_error(fmt::format("not all could be written to {}: {}", impl_->directory.path().string(),
                          impl_->store.health().problem));
}

std::vector<std::string> Service::greeting() const {
  auto const& facts = impl_->facts;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("farm {} serves {}", facts.version, facts.directory.string()));
  for (auto const& address : impl_->server->addresses()) {
    lines.push_back(impl_->page_key.empty()
                        ? fmt::format("listening on {}, token in {}", address, impl_->directory.file("token").string())
                        : fmt::format("page: http://{}/?key={}", address, impl_->page_key));
  }
  auto const ranks = impl_->dispatcher->max_ranks();
  lines.push_back(fmt::format("{} groups on {} rank{}; slots: {}", facts.source, ranks, ranks == 1 ? "" : "s",
                              facts.slots.empty() ? "not limited" : facts.slots));
  lines.push_back(facts.outlives
                      ? fmt::format("if this server dies, its groups go on, and the next one takes them over ({} s)",
                                    impl_->options.reconnect.count())
                      : "if this server dies, what runs is run again by the next one");
  for (auto const& damage : facts.damage) lines.push_back("damage: " + damage);
  if (facts.resumed_jobs > 0) {
    auto const counts = impl_->queue->counts();
    auto const at = [&](TaskState state) { return counts[static_cast<std::size_t>(state)]; };
    lines.push_back(fmt::format("resumed: {} job{} with {} waiting, {} blocked and {} held tasks", facts.resumed_jobs,
                                facts.resumed_jobs == 1 ? "" : "s", at(TaskState::waiting), at(TaskState::blocked),
                                at(TaskState::held)));
  }
  auto const& functions = service_functions();
  auto const example = functions.empty() ? std::string{"-- hostname"} : functions.front().name + " INPUT...";
  lines.push_back(
      fmt::format("submit: {} submit --dir {} {}", impl_->options.program, facts.directory.string(), example));
  return lines;
}

void Service::run() {
  auto& impl = *impl_;
  impl.dispatcher->start();
  std::optional<Dispatcher::How> done;
  for (;;) {
    std::optional<Dispatcher::How> how;
    {
      std::unique_lock lock{impl.mutex};
      impl.changed.wait_for(lock, 200ms, [&] { return impl.stopping != done; });
      how = impl.stopping;
    }
    if (how && how != done) {
      impl.dispatcher->stop(*how);
      done = how;
    }
    if (done && impl.dispatcher->is_stopped()) break;
  }
  if (!impl.store.flush(30)) {
    throw StoreError(fmt::format("what has ended last is not on disk: {}", impl.store.health().problem));
  }
}

void Service::stop(Dispatcher::How how) { impl_->facts.stop(how); }

}  // namespace farm::detail
