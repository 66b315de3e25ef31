#include "spawn/platform/pmix.hpp"

#include "core/base/settings.hpp"
#include "spawn/platform/platform.hpp"

#include <fmt/format.h>
#include <pmix.h>

#include <dlfcn.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

void* pmix_library() {
  static void* const library = [] {
    auto const name = setting(Setting::pmix_library);
    return dlopen(name.empty() ? "libpmix.so.2" : name.c_str(), RTLD_NOW | RTLD_LOCAL);
  }();
  return library;
}

}  // namespace

bool guards_wanted() { return setting_switch(Setting::guard, true); }

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
  on_exit(
      [](int status, void* /*argument*/) {
        std::fflush(nullptr);
        _exit(status);
      },
      nullptr);
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

}  // namespace farm::detail
