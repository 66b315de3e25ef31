#include <farm/detail/engine_owner.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <utility>

namespace farm::detail {

EngineOwner::EngineOwner(EngineOwner&& other) noexcept
    : engine_(std::move(other.engine_)), name_(other.name_), without_(other.without_), closed_(other.closed_.load()) {}

EngineOwner& EngineOwner::operator=(EngineOwner&& other) noexcept {
  if (this == &other) return *this;
  end();
  engine_ = std::move(other.engine_);
  closed_ = other.closed_.load();
  return *this;
}

EngineOwner::~EngineOwner() { end(); }

void EngineOwner::end() noexcept {
  if (engine_) engine_->shutdown(true, false);
}

void EngineOwner::shutdown(bool wait, bool cancel_futures) {
  engine().shutdown(wait, cancel_futures);
  set_closed();
}

int EngineOwner::num_workers() const {
  if (!engine().is_usable()) return 0;
  return engine().most_groups();
}

std::shared_ptr<Engine> const& EngineOwner::shared_engine() const {
  if (!engine_) throw UsageError(fmt::format("this {} {}", name_, without_));
  return engine_;
}

}  // namespace farm::detail
