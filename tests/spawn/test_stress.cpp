// Runs scenarios that are drawn from a seed: pools in turn and at once, with tasks that compute, throw, die and never
// end, while futures are cancelled, ranks are killed and stopped, and pools are shut down. Every future ends in an
// allowed way, every result is right, and no process, file or descriptor is left.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/run_test_cases.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

/// A variable in the environment of all ranks: the directory in which they leave their process numbers. It also marks
/// their processes.
constexpr char const* directory_variable = "FARM_STRESS_DIRECTORY";
/// A spawn takes a fraction of a second, and the end of a rank that was stopped while it was idle takes 10 s. If
/// nothing happens for longer than both may take, the program hangs.
constexpr auto spawn_limit = 30s;
constexpr auto quiet_limit = 60s;

// The tasks. Each first leaves the number of its process in a file: the process has started, and may be killed.

void announce_process() {
  static bool const announced = [] {
    std::ofstream{fmt::format("{}/{}", std::getenv(directory_variable), getpid())};
    return true;
  }();
  static_cast<void>(announced);
}

long compute(long n, farm::Comm const& comm) {
  announce_process();
  long sum = 0;
  long const mine = n * (comm.rank() + 1);
  MPI_Allreduce(&mine, &sum, 1, MPI_LONG, MPI_SUM, comm);
  return sum;
}

long nap(long n, int milliseconds) {
  announce_process();
  std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds});
  return n;
}

long fail(long n, int on, std::uint32_t attempts, bool peers_wait, farm::TaskContext& context, farm::Comm const& comm) {
  announce_process();
  if (comm.rank() == on % comm.size() && context.attempt() <= attempts) throw std::domain_error("as asked");
  if (peers_wait) comm.barrier();
  return n;
}

long die(long n, int on, int how, std::uint32_t attempts, bool peers_wait, farm::TaskContext& context,
         farm::Comm const& comm) {
  announce_process();
  if (comm.rank() == on % comm.size() && context.attempt() <= attempts) {
    constexpr int signals[] = {SIGKILL, SIGSEGV, SIGABRT, SIGTERM};
    if (how < 4) raise(signals[how]);
    if (how == 4) std::exit(3);
    if (how == 5) _exit(0);
    MPI_Abort(comm, 7);
  }
  if (peers_wait) comm.barrier();
  return n;
}

enum class Endless { loop, deadlock, stopped, listens };
constexpr char const* endless_names[] = {"loop", "deadlock", "stopped", "listens"};

long never_end(Endless how, farm::Comm const& comm) {
  announce_process();
  int message = 0;
  if (how == Endless::deadlock) MPI_Recv(&message, 1, MPI_INT, comm.rank(), 0, comm, MPI_STATUS_IGNORE);
  if (how == Endless::stopped) raise(SIGSTOP);
  for (volatile bool go = true; go;) {
  }
  return 0;
}

long listen(farm::TaskContext& context) {
  announce_process();
  while (!context.stop_requested()) usleep(500);
  return 0;
}

std::vector<double> ramp(std::uint64_t n, double base) {
  std::vector<double> values(n);
  std::iota(values.begin(), values.end(), base);
  return values;
}

std::vector<double> make_vector(std::uint64_t n, double base) {
  announce_process();
  return ramp(n, base);
}

farm::Slab<double> make_slab(std::uint64_t n, double base, farm::Comm const& comm) {
  announce_process();
  farm::Slab<double> slab{comm, {n}};
  std::iota(slab.begin(), slab.end(), base + static_cast<double>(slab.first_row()));
  return slab;
}

farm::Slab<double> shift(farm::Slab<double const> const& in, double by, farm::Comm const& comm) {
  announce_process();
  farm::Slab<double> out{comm, in.extents()};
  std::transform(in.begin(), in.end(), out.begin(), [=](double x) { return x + by; });
  return out;
}

bool is_ramp(std::vector<double> const& all, double base) {
  announce_process();
  return all == ramp(all.size(), base);
}

std::vector<int> ranks_up_to(int n) {
  std::vector<int> ranks(static_cast<std::size_t>(n));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

int rank_of(farm::Comm const& comm) {
  announce_process();
  return comm.rank();
}

long add(long a, long b) {
  announce_process();
  return a + b;
}

long add_all(std::vector<long> const& all) {
  announce_process();
  return std::accumulate(all.begin(), all.end(), 0L);
}

// The ways in which tasks end.

enum Ending : unsigned { wrong = 0, value = 1, cancelled = 2, late = 4, lost = 8, threw = 16 };

/// Returns how the task ended. If it ended in none of the other ways, returns `wrong` and sets `text` to the reason.
template <class R>
Ending ending_of(farm::Future<R> const& future, std::function<bool(R const&)> const& is_right, std::string& text) {
  try {
    if (is_right(future.result())) return value;
    text = "the value is not right";
  } catch (farm::CancelledError const&) {
    return cancelled;
  } catch (farm::TimeoutError const&) {
    return late;
  } catch (farm::GroupLost const&) {
    return lost;
  } catch (farm::TaskError const& e) {
    if (e.text() == "as asked") return threw;
    text = e.what();
  } catch (std::exception const& e) {
    text = e.what();
  }
  return wrong;
}

/// One submitted task.
struct Entry {
  std::string description;
  unsigned allowed = value;            ///< endings
  std::vector<std::size_t> sources{};  ///< entries whose futures are its arguments; it may end as they do
  std::function<bool()> done{};
  std::function<bool()> cancel{};
  std::function<Ending(std::string&)> ending{};
  bool was_cancelled = false;  ///< cancel() returned true
  Ending ended = wrong;
};

class Pool : public farm::MPISpawnPool {
 public:
  using MPISpawnPool::MPISpawnPool;
  void terminate() {
    set_closed();
    engine().terminate();
  }
};

std::string content(fs::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

bool is_marked(pid_t process, std::string const& mark) {
  return content(fmt::format("/proc/{}/environ", process)).find(mark) != std::string::npos;
}

std::vector<pid_t> processes_with(std::string const& mark) {
  std::vector<pid_t> found;
  for (auto const& entry : fs::directory_iterator{"/proc"}) {
    pid_t const process = std::atoi(entry.path().filename().c_str());
    if (process > 0 && is_marked(process, mark)) found.push_back(process);
  }
  return found;
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator{"/proc/self/fd"}, fs::directory_iterator{}));
}

/// Returns one line for each open descriptor: the file that it refers to.
std::string list_of_descriptors() {
  std::string text;
  for (auto const& entry : fs::directory_iterator{"/proc/self/fd"}) {
    std::error_code error;
    text += fmt::format("{} -> {}\n", entry.path().filename().string(), fs::read_symlink(entry.path(), error).string());
  }
  return text;
}

/// Returns true if the condition holds within 10 s. Guards end shortly after their ranks.
template <class Condition>
bool holds_soon(Condition condition) {
  for (auto const end = Clock::now() + 10s; Clock::now() < end; std::this_thread::sleep_for(10ms)) {
    if (condition()) return true;
  }
  return condition();
}

/// One pool, from its construction to its end, on a thread of its own.
class PoolScenario {
 public:
  PoolScenario(std::uint32_t seed, int slots, fs::path directory) : random_(seed), directory_(std::move(directory)) {
    fs::create_directories(directory_);
    max_ranks_ = 1 + below(slots);
    other_size_ = 1 + below(max_ranks_);
    deaths_ = below(3) != 0;
    stops_ = deaths_ && below(4) == 0;
    max_losses_ = !deaths_ || below(2) == 0 ? 1000 : 1 + below(3);
    end_ = below(7);
    brisk_ = below(3) == 0;
    worn_after_ = below(4) == 0 ? 5 + below(20) : 0;
    if (deaths_ && max_losses_ < 1000) always_ |= lost;
    if (stops_) always_ |= late;
    if (end_ >= 4) always_ |= cancelled;
    what_ = fmt::format("{} ranks, {}{}{}max_losses {}, end {}", max_ranks_, brisk_ ? "brisk, " : "",
                        deaths_ ? "deaths, " : "", stops_ ? "stops, " : "", max_losses_, end_);
  }

  void run() {
    farm::MPISpawnPool::Options options{.max_ranks = max_ranks_,
                                        .ranks_per_task = 1 + below(max_ranks_),
                                        .tasks_per_group = worn_after_,
                                        .max_losses = max_losses_,
                                        .rerun_after_exit = true,
                                        .grace = std::chrono::milliseconds{below(300)},
                                        .spawn_timeout = spawn_limit};
    options.workers.environment[directory_variable] = directory_.string();
    if (below(4) == 0)
      options.initializer = farm::initializer([] {
        usleep(1000);
        return 1;
      });
    {
      Pool pool{options};
      if (below(4) == 0) pool.bootup(false);
      int const steps = 5 + below(30);
      for (int i = 0; i < steps; ++i) {
        step(pool);
        ++events_;
      }
      end(pool);
    }
    set_state("ended");
    check();
  }

  /// Returns the state of the pool and the tasks that are not done. Thread-safe.
  [[nodiscard]] std::string report() {
    std::scoped_lock const lock{mutex_};
    auto text = fmt::format("a pool ({}) is {}\n", what_, state_);
    for (auto const& entry : entries_) {
      if (!entry.done()) text += fmt::format("  not done: {}\n", entry.description);
    }
    return text;
  }

  /// Returns a number that grows as long as something happens. Thread-safe.
  [[nodiscard]] std::size_t events() const { return events_; }

  /// Returns one line for each error; valid after run().
  [[nodiscard]] std::string const& faults() const { return faults_; }

 private:
  int below(int n) { return std::uniform_int_distribution<int>{0, n - 1}(random_); }
  bool one_in(int n) { return below(n) == 0; }
  std::size_t any(std::size_t size) { return static_cast<std::size_t>(below(static_cast<int>(size))); }

  void fault(std::string const& text) { faults_ += fmt::format("{} (pool of {})\n", text, what_); }

  void set_state(char const* state) {
    std::scoped_lock const lock{mutex_};
    state_ = state;
    ++events_;
  }

  void step(Pool& pool) {
    int const what = below(24);
    if (what < 14) {
      for (int i = one_in(8) ? below(brisk_ && worn_after_ == 0 ? 200 : 20) : 1; i > 0; --i) submit(pool);
    } else if (what < 17 && !entries_.empty()) {
      auto& entry = entries_[any(entries_.size())];
      entry.was_cancelled = entry.cancel() || entry.was_cancelled;
    } else if (what < 19) {
      std::this_thread::sleep_for(std::chrono::milliseconds{below(40)});
    } else if (what < 21 && deaths_) {
      constexpr int signals[] = {SIGKILL, SIGKILL, SIGKILL, SIGSEGV};
      hit(stops_ && one_in(3) ? SIGSTOP : signals[below(4)]);
    } else if (what == 21 && !longs_.empty()) {
      try {
        static_cast<void>(longs_[any(longs_.size())].future.result(std::chrono::milliseconds{below(200)}));
      } catch (std::exception const&) {  // check() judges it
      }
    } else if (what == 22) {
      static_cast<void>(pool.statistics());
    }
  }

  /// Sends the signal to a rank that has started. MPI_Comm_spawn would wait for ever for a rank that dies while it
  /// starts.
  void hit(int signal) {
    std::vector<fs::path> files{fs::directory_iterator{directory_}, {}};
    std::shuffle(files.begin(), files.end(), random_);
    for (auto const& file : files) {
      pid_t const process = std::atoi(file.filename().c_str());
      if (signal != SIGSTOP) fs::remove(file);
      if (is_marked(process, directory_.string()) && kill(process, signal) == 0) return;
    }
  }

  template <class R>
  std::size_t keep(std::string what, unsigned allowed, farm::Future<R> const& future,
                   std::function<bool(R const&)> is_right, std::vector<std::size_t> sources = {}) {
    future.add_done_callback([this](auto const&) {
      ++callbacks_;
      ++events_;
    });
    Entry entry{.description = std::move(what), .allowed = allowed | always_, .sources = std::move(sources)};
    entry.done = [future] { return future.done(); };
    entry.cancel = [future] { return future.cancel(); };
    entry.ending = [future, is_right](std::string& text) { return ending_of<R>(future, is_right, text); };
    std::scoped_lock const lock{mutex_};
    entries_.push_back(std::move(entry));
    return entries_.size() - 1;
  }

  void keep_long(std::string what, unsigned allowed, farm::Future<long> const& future, long expected,
                 std::vector<std::size_t> sources = {}) {
    auto const index = keep<long>(
        std::move(what), allowed, future, [expected](long got) { return got == expected; }, std::move(sources));
    if ((allowed & value) != 0) longs_.push_back({future, expected, index});
  }

  void keep_array(std::string what, farm::Future<farm::Array<double>> const& future, std::uint64_t n, double base,
                  std::vector<std::size_t> sources = {}) {
    auto const index = keep<farm::Array<double>>(
        std::move(what), value, future,
        [n, base](farm::Array<double> const& got) { return got.read() == ramp(n, base); }, std::move(sources));
    arrays_.push_back({future, n, base, index});
  }

  void submit(Pool& pool) {
    farm::TaskOptions options{.ranks = one_in(8) ? other_size_ : 0,
                              .priority = one_in(4) ? below(5) - 2 : 0,
                              .cancellable = one_in(3),
                              .retries = one_in(4) ? below(3) : 0};
    int const ranks = options.ranks != 0 ? options.ranks : pool.ranks_per_task();
    if (stops_) options.timeout = std::chrono::milliseconds{500 + below(1000)};
    long const n = below(1000);
    int const on = below(8);
    auto const how_long = [&] {
      options.timeout = std::chrono::milliseconds{1 + below(300)};
      return fmt::format("with a limit of {} ms", options.timeout->count() / 1'000'000);
    };
    constexpr int brisk_kinds[] = {0, 1, 2, 5, 12, 13, 14, 15};
    switch (int const kind = brisk_ ? brisk_kinds[below(deaths_ ? 8 : 7)] : below(deaths_ ? 17 : 15); kind) {
      case 0:
      case 1:
      case 2:
        keep_long(fmt::format("compute on {}", ranks), value, pool.submit(options, compute, n),
                  n * ranks * (ranks + 1) / 2);
        break;
      case 3:
        keep_long("nap", value, pool.submit(options, nap, n, below(50)), n);
        break;
      case 4: {
        auto const what = "nap " + how_long();
        keep_long(what, value | late, pool.submit(options, nap, n, below(300)), n);
        break;
      }
      case 5: {
        bool const always = one_in(2);
        std::uint32_t const attempts = always ? 1'000'000 : static_cast<std::uint32_t>(below(4));
        unsigned const allowed = always                                                    ? threw
                                 : attempts <= static_cast<std::uint32_t>(options.retries) ? value
                                                                                           : value | threw;
        keep_long(fmt::format("throw {} times, {} retries", attempts, options.retries), allowed,
                  pool.submit(options, fail, n, on, attempts, one_in(4)), n);
        break;
      }
      case 6: {
        if (!one_in(3)) break;
        auto const how = static_cast<Endless>(below(4));
        if (end_ == 6 && one_in(2) && !stops_) {  // end() terminates the pool
          if (how == Endless::listens) {
            keep_long("listen for ever", cancelled, pool.submit(options, listen), 0);
          } else {
            keep_long("never end", cancelled, pool.submit(options, never_end, how), 0);
          }
          break;
        }
        auto const what = fmt::format("{} {}", endless_names[static_cast<int>(how)], how_long());
        if (how == Endless::listens) {
          keep_long(what, late, pool.submit(options, listen), 0);
        } else {
          keep_long(what, late, pool.submit(options, never_end, how), 0);
        }
        break;
      }
      case 7: {
        auto const size = static_cast<std::uint64_t>(one_in(3) ? 600'000 : below(1000));
        auto const base = static_cast<double>(n);
        keep<std::vector<double>>(fmt::format("vector of {}", size), value,
                                  pool.submit(options, make_vector, size, base),
                                  [size, base](std::vector<double> const& got) { return got == ramp(size, base); });
        break;
      }
      case 8: {
        auto const size = static_cast<std::uint64_t>(1 + below(one_in(2) ? 100 : 100'000));
        auto const base = static_cast<double>(n);
        keep_array(fmt::format("slab of {}", size), pool.submit(options, make_slab, size, base), size, base);
        break;
      }
      case 9:
      case 10: {
        if (arrays_.empty()) break;
        auto const source = arrays_[any(arrays_.size())];
        if (kind == 9) {
          keep_array("shift a slab", pool.submit(options, shift, source.future, 2.0), source.n, source.base + 2,
                     {source.index});
        } else {
          keep<bool>("read an array", value, pool.submit(options, is_ramp, source.future, source.base),
                     [](bool right) { return right; }, {source.index});
        }
        break;
      }
      case 11: {
        auto const size = static_cast<std::uint64_t>(1 + below(one_in(2) ? 100 : 20'000));
        farm::Array<double> const array{ramp(size, 1)};
        keep<bool>("read a given array", value, pool.submit(options, is_ramp, array, 1.0),
                   [](bool right) { return right; });
        break;
      }
      case 12:
        keep<std::vector<int>>(fmt::format("all {} ranks", ranks), value,
                               pool.submit(farm::all_ranks(options), rank_of),
                               [ranks](std::vector<int> const& got) { return got == ranks_up_to(ranks); });
        break;
      case 13: {
        if (longs_.empty()) break;
        auto const a = longs_[any(longs_.size())];
        auto const b = longs_[any(longs_.size())];
        keep_long("add", value, pool.submit(options, add, a.future, b.future), a.expected + b.expected,
                  {a.index, b.index});
        break;
      }
      case 14: {
        std::vector<farm::Future<long>> futures;
        std::vector<std::size_t> sources;
        long expected = 0;
        for (int i = below(10); i > 0 && !longs_.empty(); --i) {
          auto const each = longs_[any(longs_.size())];
          futures.push_back(each.future);
          sources.push_back(each.index);
          expected += each.expected;
        }
        keep_long("add all", value, pool.submit(options, add_all, futures), expected, sources);
        break;
      }
      default: {
        bool const always = max_losses_ < 1000 && one_in(3);
        if (brisk_ && !one_in(20)) break;
        std::uint32_t const attempts = always ? 1'000'000 : static_cast<std::uint32_t>(1 + below(2));
        keep_long(fmt::format("die {} times", attempts), always ? lost : value,
                  pool.submit(options, die, n, on, below(7), attempts, one_in(2)), n);
      }
    }
  }

  void end(Pool& pool) {
    set_state("ending");
    std::deque<farm::Future<long>> further;
    std::jthread submitter;
    if (one_in(3)) {
      submitter = std::jthread{[&pool, &further] {
        try {
          while (further.size() < 100) further.push_back(pool.submit(nap, 3L, 0));
        } catch (farm::ShutdownError const&) {
        }
      }};
      std::this_thread::sleep_for(std::chrono::milliseconds{below(20)});
    }
    std::jthread killer;
    if (deaths_ && one_in(2)) {
      killer = std::jthread{[this, until = Clock::now() + std::chrono::milliseconds{below(300)}] {
        while (Clock::now() < until) {
          hit(SIGKILL);
          std::this_thread::sleep_for(20ms);
        }
      }};
    }
    switch (end_) {
      case 0:
      case 1:
        pool.shutdown();
        break;
      case 2:
        pool.shutdown(false);
        break;
      case 3:
        if (submitter.joinable()) pool.shutdown(false);
        break;  // the destructor
      case 4:
        pool.shutdown(true, true);
        break;
      case 5:
        pool.shutdown(false, true);
        break;
      default:
        pool.terminate();
    }
    if (submitter.joinable()) submitter.join();
    if (killer.joinable()) killer.join();
    if (end_ != 3) {
      try {
        static_cast<void>(pool.submit(nap, 1L, 1));
        fault("a pool took a task after its shutdown");
      } catch (farm::ShutdownError const&) {
      }
    }
    pool.shutdown();
    for (auto const& future : further) {
      if (!future.done()) return fault("a task that was submitted during the shutdown of its pool is not done");
      std::string text;
      auto const ended = ending_of<long>(
          future, [](long got) { return got == 3; }, text);
      if ((ended & (value | always_)) == 0)
        return fault(fmt::format("a nap during shutdown: ending {} {}", static_cast<unsigned>(ended), text));
    }
  }

  void check() {
    for (auto& entry : entries_) {
      if (!entry.done()) {
        fault(fmt::format("{}: not done, but its pool has ended", entry.description));
        continue;
      }
      std::string text;
      entry.ended = entry.ending(text);
      unsigned allowed = entry.was_cancelled ? unsigned{cancelled} : entry.allowed;
      if (!entry.was_cancelled) {
        for (auto const source : entry.sources) {
          auto const its = entries_[source].ended;
          if (its == value) continue;
          allowed = (allowed & ~unsigned{value}) | its;
        }
      }
      if ((entry.ended & allowed) == 0) {
        fault(fmt::format("{}: ended with {} {}, but only {} is allowed{}", entry.description,
                          static_cast<unsigned>(entry.ended), text, allowed,
                          entry.was_cancelled ? ", since cancel() was true" : ""));
      }
    }
    if (callbacks_ != entries_.size())
      fault(fmt::format("{} callbacks for {} futures", callbacks_.load(), entries_.size()));
  }

  struct Long {
    farm::Future<long> future;
    long expected;
    std::size_t index;  ///< of its entry
  };
  struct Ramp {
    farm::Future<farm::Array<double>> future;
    std::uint64_t n;
    double base;
    std::size_t index;
  };

  std::mt19937 random_;
  fs::path directory_;
  int max_ranks_ = 1;
  int other_size_ = 1;   ///< ranks of some tasks
  bool deaths_ = false;  ///< ranks die
  bool stops_ = false;   ///< ranks are stopped, so every task needs a time limit
  int max_losses_ = 3;
  int end_ = 0;          ///< how the pool ends; from 4 on its end cancels tasks
  unsigned always_ = 0;  ///< endings that are allowed for every task
  bool brisk_ = false;   ///< all tasks are short, so that many are sent ahead
  int worn_after_ = 0;   ///< tasks per group
  std::string what_;
  std::string faults_;
  std::atomic<std::size_t> callbacks_{0};  ///< of entries
  std::atomic<std::size_t> events_{0};
  std::mutex mutex_;  ///< protects what report() reads while the scenario runs
  std::deque<Entry> entries_;
  std::string state_ = "working";
  std::vector<Long> longs_;
  std::vector<Ramp> arrays_;
};

/// Aborts the program, and prints which futures wait, if nothing happens for quiet_limit.
class Watchdog {
 public:
  using Scenarios = std::vector<std::vector<std::unique_ptr<PoolScenario>>>;

  Watchdog(std::uint32_t seed, Scenarios const& scenarios)
      : thread_([this, seed, &scenarios](std::stop_token const& stop) {
          auto const events = [&] {
            std::size_t sum = 0;
            for (auto const& in_turn : scenarios) {
              for (auto const& scenario : in_turn) sum += scenario->events();
            }
            return sum;
          };
          std::unique_lock lock{mutex_};
          for (auto known = events(); !stop.stop_requested(); known = events()) {
            changed_.wait_for(lock, stop, quiet_limit, [] { return false; });
            if (stop.stop_requested() || events() != known) continue;
            fmt::print("the program hangs: FARM_TEST_SEED={}\n", seed);
            for (auto const& in_turn : scenarios) {
              for (auto const& scenario : in_turn) fmt::print("{}", scenario->report());
            }
            std::fflush(stdout);
            std::abort();
          }
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

/// Runs the pools that the seed determines. Returns one line for each error.
std::string run_scenario(std::uint32_t seed, int slots) {
  std::mt19937 random{seed};
  auto const below = [&](int n) { return std::uniform_int_distribution<int>{0, n - 1}(random); };
  auto const directory = fs::current_path() / fmt::format("stress-{}-{}", getpid(), seed);
  Watchdog::Scenarios scenarios(below(3) == 0 ? 2 : 1);
  for (auto& in_turn : scenarios) {
    for (int i = 1 + below(3); i > 0; --i) {
      auto const number = in_turn.size();
      in_turn.push_back(
          std::make_unique<PoolScenario>(static_cast<std::uint32_t>(random()), slots,
                                         directory / fmt::format("{}.{}", &in_turn - scenarios.data(), number)));
    }
  }
  {
    Watchdog const watchdog{seed, scenarios};
    std::vector<std::jthread> threads;
    for (auto const& in_turn : scenarios) {
      threads.emplace_back([&] {
        for (auto const& scenario : in_turn) scenario->run();
      });
    }
  }
  std::string faults;
  for (auto const& in_turn : scenarios) {
    for (auto const& scenario : in_turn) faults += scenario->faults();
  }
  auto const mark = fmt::format("{}={}", directory_variable, directory.string());
  if (!holds_soon([&] { return processes_with(mark).empty(); })) {
    for (auto const process : processes_with(mark)) {
      faults += fmt::format("process {} is left\n", process);
      kill(process, SIGKILL);
    }
  }
  fs::remove_all(directory);
  return faults;
}

char const* setting(char const* name) { return std::getenv(name); }  // NOLINT(concurrency-mt-unsafe): nobody sets it

}  // namespace

TEST_CASE("whatever happens to a pool, each future ends in an allowed way, each result is right, and nothing is left") {
  auto const* const seconds = setting("FARM_TEST_SECONDS");
  auto const* const given = setting("FARM_TEST_SEED");
  auto const end = Clock::now() + std::chrono::seconds{seconds != nullptr ? std::atoi(seconds) : 20};
  auto seed = given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
  constexpr int slots = 6;
  std::size_t descriptors = 0;
  do {
    INFO("to repeat this scenario: FARM_TEST_SEED=" << seed);
    fmt::print("FARM_TEST_SEED={}\n", seed);
    std::fflush(stdout);
    auto const begun = Clock::now();
    CHECK(run_scenario(seed, slots) == "");
    fmt::print("  {:.1f} s\n", std::chrono::duration<double>{Clock::now() - begun}.count());
    if (descriptors == 0) descriptors = open_descriptors();  // MPI opens some with the first spawn
    // MPI closes its connections to ranks that have ended when the next spawn calls it, so a few more are no leak.
    bool const closed = holds_soon([&] { return open_descriptors() <= descriptors + 8; });
    INFO("descriptors: " << descriptors << " before, and now\n" << list_of_descriptors());
    CHECK(closed);
    ++seed;
  } while (Clock::now() < end && given == nullptr);
}

int main(int argc, char** argv) {
  auto const stage = fs::current_path() / fmt::format("stage-{}", getpid());
  bool const is_rank = std::getenv("FARM_WORKER") != nullptr;
  if (!is_rank) {
    fs::create_directory(stage);
    setenv("FARM_STAGE_DIR", stage.c_str(), 1);
  }
  int failed = 0;
  {
    farm::Runtime const runtime{argc, argv};
    failed = run_test_cases(argc, argv);
  }
  if (!fs::is_empty(stage)) {
    for (auto const& entry : fs::recursive_directory_iterator{stage}) fmt::print("left: {}\n", entry.path().string());
    failed = 1;
  }
  fs::remove_all(stage);
  return failed;
}
