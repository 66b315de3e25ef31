#include "spawn/guard/shared_page.hpp"

#include "core/task/frame.hpp"

namespace farm::detail {
namespace {

constexpr std::uint64_t one_recall = std::uint64_t{1} << 32U;

}  // namespace

SharedPage::Begin SharedPage::begin(std::uint64_t key, std::uint32_t masters) noexcept {
  auto seen = begun.load();
  do {
    if (masters_lost.load() != masters) return Begin::held;
    auto const end = recalled_to.load();
    if (of_same_group(key, end) && index_of(key) >= recalled_from.load() && key < end) return Begin::recalled;
  } while (!begun.compare_exchange_weak(seen, (seen & ~(one_recall - 1)) | (index_of(key) + 1)));
  return Begin::begun;
}

/// The rank looks at masters_lost after it has read `begun`: if it has not seen the change, its exchange fails.
std::uint32_t SharedPage::lose_master() noexcept {
  ++masters_lost;
  recalled_to = 0;
  return static_cast<std::uint32_t>(begun.fetch_add(one_recall));
}

std::uint64_t SharedPage::recall(std::uint64_t end) noexcept {
  auto seen = begun.load();
  do {
    recalled_from = static_cast<std::uint32_t>(seen);
    recalled_to = end;
  } while (!begun.compare_exchange_weak(seen, seen + one_recall));
  return end - index_of(end) + static_cast<std::uint32_t>(seen);
}

}  // namespace farm::detail
