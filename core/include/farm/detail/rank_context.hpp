#pragma once

#include <farm/task_context.hpp>

#include <memory>
#include <typeinfo>

namespace farm {

// Core forwards pointers to these two and never looks inside them. They are declared here, and only here, because a
// task's communicator needs MPI and its files need HDF5, which core does not know. <farm/comm.hpp> and
// <farm/detail/array_transport.hpp> define them.
class Comm;
namespace detail {
class TaskFiles;
}  // namespace detail

namespace detail {

/// The object that an initializer returned. It stays on its rank between tasks.
struct InitializerResult {
  std::shared_ptr<void> value{};
  std::type_info const* type = nullptr;  ///< null: there is no initializer, or it returns nothing
};

/// What the rank that runs a task provides for it. A null pointer means that the rank does not provide this.
struct RankContext {
  TaskContext* context = nullptr;
  Comm const* comm = nullptr;  ///< of the task's group
  InitializerResult* initialized = nullptr;
  TaskFiles* files = nullptr;  ///< the files that the task makes
};

/// Binds a parameter that the farm provides and the caller gives no argument for. A specialization for such a parameter
/// of (decayed) type T has `bound = true` and a function `bind(RankContext&)`, which returns a T or a reference to one.
template <class T>
struct Binder {
  static constexpr bool bound = false;
};

template <>
struct Binder<TaskContext> {
  static constexpr bool bound = true;
  static TaskContext& bind(RankContext& rank_context) { return *rank_context.context; }
};

template <>
struct Binder<Comm> {
  static constexpr bool bound = true;
  static Comm const& bind(RankContext& rank_context) { return *rank_context.comm; }
};

}  // namespace detail
}  // namespace farm
