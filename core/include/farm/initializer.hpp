#pragma once

#include <farm/detail/call.hpp>

#include <memory>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace farm {

/// What every rank of an executor calls once, before its first task. Made by initializer(); an empty one stands for
/// none.
class Initializer {
 public:
  Initializer() = default;
  Initializer(CodeAddress code, Bytes call) : code_(code), call_(std::move(call)), set_(true) {}

  [[nodiscard]] explicit operator bool() const { return set_; }
  [[nodiscard]] CodeAddress code() const { return code_; }
  [[nodiscard]] Bytes const& call() const { return call_; }

 private:
  CodeAddress code_{};
  Bytes call_;
  bool set_ = false;
};

/// A parameter of a task that asks for what the initializer returned on this rank, a T. It stays there between tasks,
/// which may change it. A task that asks for another type than was returned fails with UsageError.
template <class T>
class Initialized {
 public:
  explicit Initialized(T& value) : value_(&value) {}
  [[nodiscard]] T& operator*() const { return *value_; }
  [[nodiscard]] T* operator->() const { return value_; }

 private:
  T* value_;
};

namespace detail {

/// Throws UsageError where that is not what the initializer returned.
[[nodiscard]] void* kept_value(RankContext const& environment, std::type_info const& wanted);

template <class T>
struct Binder<Initialized<T>> {
  static constexpr bool bound = true;
  static Initialized<T> bind(RankContext& environment) {
    return Initialized<T>{*static_cast<T*>(kept_value(environment, typeid(std::remove_const_t<T>)))};
  }
};

/// The Invoker of an initializer: keeps what it returns, which need not be serializable.
template <class F, class... As>
void initialize(std::string_view payload, RankContext& environment, Bytes* /*result*/) {
  *environment.kept = {};
  Call<F, As...>::call(payload, environment, [&](auto&& value) {
    using T = std::decay_t<decltype(value)>;
    *environment.kept = {std::make_shared<T>(std::forward<decltype(value)>(value)), &typeid(T)};
  });
}

}  // namespace detail

/// f(args...) as an initializer: `MPIPoolExecutor{{.initializer = initializer(load, "file")}}`. As of a task, its
/// parameters may ask for the communicator of the group. Where it throws, the executor is broken: all its tasks fail
/// with BrokenExecutor.
template <class F, class... Args>
[[nodiscard]] Initializer initializer(F const& f, Args const&... args) {
  return {code_address(reinterpret_cast<void const*>(&detail::initialize<std::decay_t<F>, Args...>)),
          detail::Call<std::decay_t<F>, Args...>::make(f, args...)};
}

}  // namespace farm
