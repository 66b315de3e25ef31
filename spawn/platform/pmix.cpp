#include "spawn/platform/pmix.hpp"

#include "core/base/settings.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/platform/platform.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <pmix.h>

#include <dlfcn.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <string_view>
#include <thread>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

std::atomic<bool> has_left{false};  // NOLINT: one per process

void* pmix_library() {
  static void* const library = [] {
    auto const name = setting(Setting::pmix_library);
    return dlopen(name.empty() ? "libpmix.so.2" : name.c_str(), RTLD_NOW | RTLD_LOCAL);
  }();
  return library;
}

template <class F>
F* pmix_function(char const* name) {
  return pmix_library() == nullptr ? nullptr : reinterpret_cast<F*>(dlsym(pmix_library(), name));
}

/// The counterparts of the keys for MPI_Info. Some belong to the job, the others to its program.
struct InfoKey {
  std::string_view mpi;
  char const* pmix;
  bool of_job;
};
constexpr std::array info_keys{
    InfoKey{"map_by", PMIX_MAPBY, true},       InfoKey{"rank_by", PMIX_RANKBY, true},
    InfoKey{"bind_to", PMIX_BINDTO, true},     InfoKey{"host", PMIX_HOST, false},
    InfoKey{"hostfile", PMIX_HOSTFILE, false}, InfoKey{"wdir", PMIX_WDIR, false},
};

InfoKey const* find_key(std::string_view name) {
  auto const* const found =
      std::find_if(info_keys.begin(), info_keys.end(), [&](InfoKey const& each) { return each.mpi == name; });
  return found == info_keys.end() ? nullptr : found;
}

/// Memory of malloc(), since PMIx may append to the arrays with realloc().
char* copy_of(std::string const& text) { return strdup(text.c_str()); }

char** new_list(std::vector<std::string> const& words) {
  auto** const list = static_cast<char**>(std::calloc(words.size() + 1, sizeof(char*)));
  for (std::size_t i = 0; i < words.size(); ++i) list[i] = copy_of(words[i]);
  return list;
}

void free_list(char** list) {
  for (char** each = list; each != nullptr && *each != nullptr; ++each) std::free(*each);
  std::free(static_cast<void*>(list));
}

/// An array of pmix_info_t. The functions of pmix.h that fill one need the library at link time.
class Infos {
 public:
  explicit Infos(std::size_t most) : all_(static_cast<pmix_info_t*>(std::calloc(most, sizeof(pmix_info_t)))) {}
  Infos(Infos const&) = delete;
  Infos& operator=(Infos const&) = delete;
  ~Infos() {
    for (std::size_t i = 0; i < size_; ++i) std::free(all_[i].value.data.string);
    std::free(all_);
  }
  void add(char const* key, std::string const& value) {
    auto& info = all_[size_++];
    std::strncpy(info.key, key, PMIX_MAX_KEYLEN);
    info.value.type = PMIX_STRING;
    info.value.data.string = copy_of(value);
  }
  [[nodiscard]] pmix_info_t* data() const { return size_ == 0 ? nullptr : all_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  pmix_info_t* all_;
  std::size_t size_ = 0;
};

/// Speaks version 1 of PMI, over the connection that Hydra has given to the process. A dead rank may have left an
/// answer unread. Waits for 5 s at most: a master has handlers for all signals, so that an alarm would not end the
/// wait.
void finalize_pmi() {
  int const connection = launched_as().pmi_connection;
  if (connection < 0) return;
  constexpr std::string_view command = "cmd=finalize\n";
  constexpr std::string_view answer = "cmd=finalize_ack";
  if (send(connection, command.data(), command.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(command.size())) return;
  auto const limit = std::chrono::steady_clock::now() + 5s;
  std::string read_so_far;
  std::array<char, 256> buffer{};
  while (read_so_far.find(answer) == std::string::npos) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(limit - std::chrono::steady_clock::now());
    pollfd to_read{.fd = connection, .events = POLLIN, .revents = 0};
    if (left <= 0ms || (poll(&to_read, 1, static_cast<int>(left.count())) < 0 && errno != EINTR)) return;
    if (to_read.revents == 0) continue;
    auto const count = recv(connection, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return;
    if (count > 0) read_so_far.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

bool can_pmix_spawn(std::vector<std::pair<std::string, std::string>> const& info) {
  auto* const initialized = pmix_function<decltype(PMIx_Initialized)>("PMIx_Initialized");
  return initialized != nullptr && initialized() != 0 && !is_singleton() &&
         std::all_of(info.begin(), info.end(), [](auto const& pair) { return find_key(pair.first) != nullptr; });
}

void pmix_spawn(PmixJob const& job) {
  auto* const spawn = pmix_function<decltype(PMIx_Spawn)>("PMIx_Spawn");
  auto* const error_text = pmix_function<decltype(PMIx_Error_string)>("PMIx_Error_string");
  if (spawn == nullptr) throw SpawnError("the PMIx library has no PMIx_Spawn");
  Infos of_job{job.info.size() + 1};
  Infos of_program{job.info.size() + 1};
  for (auto const& [name, value] : job.info) {
    auto const* const key = find_key(name);
    if (key == nullptr) throw SpawnError(fmt::format("mpi_info: PMIx has no counterpart of {}", name));
    (key->of_job ? of_job : of_program).add(key->pmix, value);
  }
  // PRRTE sets OMPI_COMM_WORLD_RANK and the like, which programs read, for ranks of Open MPI only.
  if (mpi_traits().family == MpiFamily::open_mpi_5) of_job.add(PMIX_PERSONALITY, "ompi");
  std::vector<std::string> words{job.program};
  words.insert(words.end(), job.arguments.begin(), job.arguments.end());
  pmix_app_t app{};
  app.cmd = copy_of(job.program);
  app.argv = new_list(words);
  app.env = new_list(job.environment);
  app.cwd = job.directory.empty() ? nullptr : copy_of(job.directory);
  if (!job.directory.empty()) of_program.add(PMIX_WDIR, job.directory);
  app.maxprocs = job.processes;
  app.info = of_program.data();
  app.ninfo = of_program.size();
  pmix_nspace_t name{};
  auto const status = spawn(of_job.data(), of_job.size(), &app, 1, name);
  std::free(app.cmd);
  free_list(app.argv);
  free_list(app.env);
  std::free(app.cwd);
  if (status != PMIX_SUCCESS) {
    throw SpawnError(
        fmt::format("PMIx_Spawn: {}", error_text != nullptr ? error_text(status) : std::to_string(status)));
  }
}

bool guards_wanted() { return setting_switch(Setting::guard, true); }

bool guards_need_pmix() { return guards_wanted() && !uses_mpich(); }

bool pmix_available(std::string& why) {
  if (pmix_library() != nullptr) return true;
  char const* const error = dlerror();
  why = error != nullptr ? error : "libpmix.so.2 cannot be loaded";
  return false;
}

std::string missing_pmix(std::string const& why) {
  return fmt::format(
      "the guards of the ranks need the PMIx library: {}; install it (Debian: libpmix2), name it with "
      "FARM_PMIX_LIBRARY, or turn guards off with FARM_GUARD=0",
      why);
}

void finalize_for_dead_rank() {
  if (uses_mpich()) return finalize_pmi();
  if (getenv("PMIX_RANK") == nullptr || pmix_library() == nullptr) return;
  alarm(5);  // ends this process if the server is gone and PMIx hangs
  auto* const init = reinterpret_cast<decltype(&PMIx_Init)>(dlsym(pmix_library(), "PMIx_Init"));
  auto* const finalize = reinterpret_cast<decltype(&PMIx_Finalize)>(dlsym(pmix_library(), "PMIx_Finalize"));
  if (init == nullptr || finalize == nullptr) return;
  pmix_proc_t self;
  if (init(&self, nullptr, 0) == PMIX_SUCCESS) finalize(nullptr, 0);
  alarm(0);
}

void leave_without_mpi() {
  has_left = true;
  on_exit(
      [](int status, void* /*argument*/) {
        std::fflush(nullptr);
        _exit(status);
      },
      nullptr);
  if (uses_mpich()) return finalize_pmi();
  if (pmix_library() == nullptr) return;
  auto* const finalize = reinterpret_cast<decltype(&PMIx_Finalize)>(dlsym(pmix_library(), "PMIx_Finalize"));
  if (finalize == nullptr) return;
  auto const done = std::make_shared<std::promise<void>>();
  auto const ended = done->get_future();
  std::thread{[finalize, done] {
    finalize(nullptr, 0);
    done->set_value();
  }}.detach();
  ended.wait_for(5s);  // the server may be gone
  usleep(finalize_linger_us);
}

bool has_left_without_mpi() { return has_left; }

void keep_status_of_exit() {
  if (uses_mpich()) finalize_pmi();
}

}  // namespace farm::detail
