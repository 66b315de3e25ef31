#include "spawn/program/command.hpp"
#include "spawn/program/demo/job_table.hpp"
#include "spawn/program/demo/picture.hpp"
#include "spawn/program/demo/tasks.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/pool_arguments.hpp"

#include <farm/progress_bar.hpp>
#include <farm/runtime.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace farm::demo {
namespace {

using detail::print_out;

class DemoCommand final : public detail::Command {
 public:
  explicit DemoCommand(CLI::App& app) {
    pool_.ranks_per_task = 2;
    pool_.add_to(app);
    app.add_option("--output", output_, "Directory for julia.pgm and julia.png")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_flag("--quick", quick_, "Use smaller pictures and grids");
  }

  int run(detail::ProgramArguments arguments) override {
    std::filesystem::create_directories(output_);
    pool_.use();

    Runtime const runtime{arguments.argc, arguments.argv};
    MPISpawnPool pool{pool_.pool_options()};
    print_out(fmt::format("up to {} ranks in groups of {}\n\n", pool.max_ranks(), pool.ranks_per_task()), true);
    JobTable table{pool};
    try {
      run_calc(pool);
      table.end_job("calc");
      run_julia(pool);
      table.end_job("julia set");
      run_heat(pool);
      table.end_job("heat");
    } catch (...) {
      pool.shutdown(true, true);
      throw;
    }
    print_out(table.text(), true);
    return 0;
  }

 private:
  static void run_calc(MPISpawnPool& pool) {
    auto const results = pool.map(calc, std::vector{1, 2, 3, 4});
    print_out(fmt::format("calc: number, size of the group, rank\n{}\n\n", fmt::join(results, " ")), true);
  }

  void run_julia(MPISpawnPool& pool) const {
    Picture picture{.width = quick_ ? 160 : 1280, .height = quick_ ? 120 : 960};
    int const lines = quick_ ? 10 : 16;
    std::vector<std::tuple<int, int, int, int>> bands;
    for (int line = 0; line < picture.height; line += lines)
      bands.emplace_back(line, lines, picture.width, picture.height);
    for (auto const& band : pool.starmap(julia, bands, {.progress = ProgressBar{"julia set"}})) {
      picture.values.insert(picture.values.end(), band.begin(), band.end());
    }
    std::filesystem::path const directory{output_};
    write_pgm(picture, directory / "julia.pgm");
    write_png(picture, directory / "julia.png");
    print_out(fmt::format("julia set: {} x {} in {} bands: {} and julia.png\n\n", picture.width, picture.height,
                          bands.size(), (directory / "julia.pgm").string()),
              true);
  }

  void run_heat(MPISpawnPool& pool) const {
    int const points = quick_ ? 16 : 48;
    std::vector<std::tuple<double, int>> inputs;
    for (int i = 1; i <= 16; ++i) inputs.emplace_back(0.1 * i, points);
    auto const results = pool.starmap(heat, inputs, {.progress = ProgressBar{"heat"}});
    auto text = fmt::format("heat: amplitude of the mode at t = {} on {} x {} points\n{:>8}{:>12}{:>12}{:>21}\n",
                            heat_end_time, points, points, "alpha", "computed", "exact", "relative difference");
    for (std::size_t i = 0; i < results.size(); ++i) {
      auto const& [computed, exact, difference] = results[i];
      text += fmt::format("{:>8.3f}{:>12.8f}{:>12.8f}{:>21.2e}\n", std::get<0>(inputs[i]), computed, exact, difference);
    }
    print_out(text + '\n', true);
  }

  detail::PoolArguments pool_;
  std::string output_{"."};
  bool quick_ = false;
};

detail::CommandEntry make_demo_command(CLI::App& parent) {
  auto* const app =
      parent.add_subcommand("demo", "Run three small jobs: numbers, a picture of a Julia set, heat conduction");
  return {app, std::make_unique<DemoCommand>(*app)};
}

[[maybe_unused]] bool const added = detail::add_command(make_demo_command);

}  // namespace
}  // namespace farm::demo
