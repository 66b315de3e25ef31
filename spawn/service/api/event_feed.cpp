#include "spawn/service/api/event_feed.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/service/http/messages/event_text.hpp"
#include "spawn/service/protocol/object_text.hpp"
#include "spawn/service/protocol/shown.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace farm::detail {
namespace {

using Clock = std::chrono::steady_clock;
using TaskStates = std::vector<std::pair<std::uint64_t, TaskState>>;

/// An event names so many tasks at most.
constexpr std::size_t most_tasks = 10'000;
/// The server's own numbers change all the time: they are told once in so many pauses.
constexpr int server_pauses = 4;

/// What has changed since it was looked at. The queue keeps it alive as long as it needs it.
class Changes final : public QueueListener {
 public:
  void job_changed(std::uint64_t job) override {
    std::scoped_lock const lock{mutex_};
    if (!is_wanted_) return;
    jobs_.insert(job);
    arrived_.notify_one();
  }
  void tasks_ended(std::uint64_t job, TaskStates const& ended) override {
    std::scoped_lock const lock{mutex_};
    if (!is_wanted_) return;
    auto& all = ended_[job];
    all.insert(all.end(), ended.begin(), ended.end());
    arrived_.notify_one();
  }

  /// Begins to collect, or stops and drops what is there.
  void want(bool is_wanted) {
    std::scoped_lock const lock{mutex_};
    is_wanted_ = is_wanted;
    jobs_.clear();
    ended_.clear();
    arrived_.notify_one();
  }
  void quit() {
    std::scoped_lock const lock{mutex_};
    quits_ = true;
    arrived_.notify_one();
  }
  /// Waits until somebody wants changes, there are some, or it is time. Returns false after quit().
  bool wait_until(Clock::time_point time) {
    std::unique_lock lock{mutex_};
    arrived_.wait_until(lock, time, [&] { return quits_ || !jobs_.empty() || !ended_.empty(); });
    return !quits_;
  }
  bool wait_until_wanted() {
    std::unique_lock lock{mutex_};
    arrived_.wait(lock, [&] { return quits_ || is_wanted_; });
    return !quits_;
  }
  /// Waits, whatever happens. Returns false after quit().
  bool pause(std::chrono::milliseconds time) {
    std::unique_lock lock{mutex_};
    return !arrived_.wait_for(lock, time, [&] { return quits_; });
  }
  std::pair<std::set<std::uint64_t>, std::map<std::uint64_t, TaskStates>> take() {
    std::scoped_lock const lock{mutex_};
    return {std::exchange(jobs_, {}), std::exchange(ended_, {})};
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  bool is_wanted_ = false;
  bool quits_ = false;
  std::set<std::uint64_t> jobs_;
  std::map<std::uint64_t, TaskStates> ended_;
};

bool is_same(GroupView const& a, GroupView const& b) {
  return a.ranks == b.ranks && a.hosts == b.hosts && a.state == b.state && a.tag == b.tag && a.attempt == b.attempt &&
         a.progress == b.progress && a.tasks == b.tasks && a.taken_over == b.taken_over;
}

std::string ended_tasks(std::uint64_t job, TaskStates const& ended, std::size_t first, std::size_t last) {
  auto text = fmt::format(R"({{"job":{},"ended":[)", job);
  for (std::size_t i = first; i < last; ++i)
    fmt::format_to(std::back_inserter(text), R"({}[{},"{}"])", i == first ? "" : ",", ended[i].first,
                   word_of(ended[i].second));
  return text + "]}";
}

}  // namespace

class EventFeed::Core {
 public:
  Core(Sources sources, Options options)
      : sources_(std::move(sources)), options_(options), thread_([this] { run(); }) {}
  Core(Core const&) = delete;
  Core& operator=(Core const&) = delete;
  ~Core() {
    changes->quit();
    thread_.join();
    changes->want(false);
  }

  void add(std::shared_ptr<http::EventStream> stream, std::string_view last_event, std::optional<std::uint64_t> job);

  std::shared_ptr<Changes> const changes = std::make_shared<Changes>();

 private:
  struct Event {
    std::uint64_t number;
    std::uint64_t job;  ///< 0: of none
    std::string text;
  };
  struct Listener {
    std::shared_ptr<http::EventStream> stream;
    std::optional<std::uint64_t> job;
    [[nodiscard]] bool send(Event const& event) const { return (job && *job != event.job) || stream->send(event.text); }
  };

  void run();
  void record();
  bool has_nobody();
  void look(int round);
  void start_anew();
  void tell_jobs();
  void tell_groups();
  void tell_server();
  void tell(std::string_view name, std::uint64_t job, std::string_view data);
  [[nodiscard]] std::string id(std::uint64_t number) const { return fmt::format("{:x}-{}", origin_, number); }
  [[nodiscard]] std::optional<std::uint64_t> number_in(std::string_view id) const;

  Sources sources_;
  Options options_;
  /// Tells the events of this feed from those of others.
  std::int64_t origin_ = std::chrono::system_clock::now().time_since_epoch().count();
  std::map<std::uint64_t, GroupView> groups_{};
  std::map<std::string, std::string> server_{};

  std::mutex mutex_{};  ///< for what is below
  std::vector<Listener> listeners_{};
  Clock::time_point last_listened_{};
  std::deque<Event> kept_{};
  std::size_t kept_bytes_ = 0;
  std::uint64_t next_ = 1;
  std::uint64_t oldest_ = 1;  ///< who has all before this one can go on
  bool is_recording_ = false;

  std::thread thread_;
};

std::optional<std::uint64_t> EventFeed::Core::number_in(std::string_view id) const {
  auto const prefix = fmt::format("{:x}-", origin_);
  if (!id.starts_with(prefix)) return std::nullopt;
  id.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  auto const [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size()) return std::nullopt;
  return number;
}

void EventFeed::Core::add(std::shared_ptr<http::EventStream> stream, std::string_view last_event,
                          std::optional<std::uint64_t> job) {
  std::scoped_lock const lock{mutex_};
  if (!std::exchange(is_recording_, true)) changes->want(true);  // before the client hears that nothing is missed
  Listener listener{std::move(stream), job};
  auto const last = number_in(last_event);
  if (last_event.empty()) {
    // No event, but an id: a client that loses its connection before the first event can go on, too.
    listener.stream->send(fmt::format("id: {}\n\n", id(next_ - 1)));
  } else if (!last || *last + 1 < oldest_ || *last >= next_) {
    listener.stream->send(http::event_text(id(next_ - 1), "reset", "{}"));
  } else {
    for (auto const& event : kept_) {
      if (event.number > *last && !listener.send(event)) return;
    }
  }
  listeners_.push_back(std::move(listener));
}

void EventFeed::Core::run() {
  while (changes->wait_until_wanted()) {
    record();
    if (!changes->pause(std::chrono::milliseconds{0})) return;
  }
}

/// Tells what changes until nobody listens.
void EventFeed::Core::record() {
  groups_.clear();
  server_.clear();
  for (int round = 0; !has_nobody(); ++round) {
    look(round);
    if (!changes->pause(options_.pause) || !changes->wait_until(Clock::now() + options_.pause)) return;
  }
}

/// Returns true, and drops what is kept, if nobody has listened for some time.
bool EventFeed::Core::has_nobody() {
  std::scoped_lock const lock{mutex_};
  auto const now = Clock::now();
  std::erase_if(listeners_, [](Listener const& each) { return !each.stream->send({}); });
  if (!listeners_.empty()) last_listened_ = now;
  if (!listeners_.empty() || now < last_listened_ + options_.linger) return false;
  kept_.clear();
  kept_bytes_ = 0;
  oldest_ = ++next_;
  is_recording_ = false;
  changes->want(false);
  return true;
}

void EventFeed::Core::look(int round) {
  try {
    tell_jobs();
  } catch (...) {
    log_error(fmt::format("events are lost, and clients have to ask anew: {}", current_exception_text()));
    start_anew();
  }
  try {
    tell_groups();
    if (round % server_pauses == 0) tell_server();
  } catch (...) {
    log_error(fmt::format("an event comes later: {}", current_exception_text()));
  }
}

/// Events are missing.
void EventFeed::Core::start_anew() {
  std::scoped_lock const lock{mutex_};
  kept_.clear();
  kept_bytes_ = 0;
  oldest_ = ++next_;
  auto const text = http::event_text(id(next_ - 1), "reset", "{}");
  std::erase_if(listeners_, [&](Listener const& each) { return !each.stream->send(text); });
}

void EventFeed::Core::tell_jobs() {
  auto const [jobs, ended] = changes->take();
  for (auto const& [job, tasks] : ended) {
    for (std::size_t first = 0; first < tasks.size(); first += most_tasks)
      tell("tasks", job, ended_tasks(job, tasks, first, std::min(tasks.size(), first + most_tasks)));
  }
  for (auto const job : jobs) {
    auto const shown = sources_.job(job);
    tell("job", job, shown.empty() ? fmt::format(R"({{"job":{},"state":"forgotten"}})", job) : shown);
  }
}

void EventFeed::Core::tell_groups() {
  std::map<std::uint64_t, GroupView> now;
  for (auto& group : sources_.groups()) now[group.group] = std::move(group);
  std::vector<std::string> changed;
  std::vector<std::string> gone;
  for (auto const& [number, group] : now) {
    auto const before = groups_.find(number);
    if (before == groups_.end() || !is_same(before->second, group)) changed.push_back(shown_group(group));
  }
  for (auto const& [number, group] : groups_) {
    if (!now.contains(number)) gone.push_back(std::to_string(number));
  }
  groups_ = std::move(now);
  if (changed.empty() && gone.empty()) return;
  tell("groups", 0, ObjectText{}.raw("groups", list_of(changed)).raw("gone", list_of(gone)).take());
}

void EventFeed::Core::tell_server() {
  ObjectText text;
  bool has_changed = false;
  for (auto& [name, value] : sources_.server()) {
    auto& before = server_[name];
    if (before == value) continue;
    before = value;
    text.raw(name, value);
    has_changed = true;
  }
  if (has_changed) tell("server", 0, text.take());
}

void EventFeed::Core::tell(std::string_view name, std::uint64_t job, std::string_view data) {
  std::scoped_lock const lock{mutex_};
  auto const number = next_++;
  auto const& event = kept_.emplace_back(Event{number, job, http::event_text(id(number), name, data)});
  kept_bytes_ += event.text.size();
  std::erase_if(listeners_, [&](Listener const& each) { return !each.send(event); });
  while (kept_bytes_ > options_.most_kept && !kept_.empty()) {
    kept_bytes_ -= kept_.front().text.size();
    oldest_ = kept_.front().number + 1;
    kept_.pop_front();
  }
}

EventFeed::EventFeed(Sources sources, Options options) : core_(std::make_unique<Core>(std::move(sources), options)) {}
EventFeed::~EventFeed() = default;

std::shared_ptr<QueueListener> EventFeed::listener() const { return core_->changes; }

void EventFeed::add(std::shared_ptr<http::EventStream> stream, std::string_view last_event,
                    std::optional<std::uint64_t> job) {
  core_->add(std::move(stream), last_event, job);
}

}  // namespace farm::detail
