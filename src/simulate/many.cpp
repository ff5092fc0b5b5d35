#include "simulate/many.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "simulate/random_world.h"

namespace lazarillo::simulate {

Many play_many(int worlds, std::uint64_t first_seed, int threads, const Trial& trial,
               const Limits& limits, const std::function<void(int)>& progress) {
  std::vector<Judgement> judgements(static_cast<std::size_t>(std::max(worlds, 0)));
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  int done = 0;
  std::exception_ptr fault;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < judgements.size(); i = next++) {
        judgements[i] = play(random_world(first_seed + i), trial, limits).judgement;
        const std::lock_guard lock(mutex);
        ++done;
        if (progress) progress(done);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      fault = std::current_exception();
      next = judgements.size();
    }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 1; i < threads; ++i) workers.emplace_back(work);
    work();
  }
  if (fault) std::rethrow_exception(fault);
  Many many;
  for (std::size_t i = 0; i < judgements.size(); ++i) {
    many.tally.add(judgements[i]);
    for (std::size_t p = 0; p < kProperties; ++p) {
      for (const std::string& why : judgements[i].of[p].why) {
        many.failures.push_back({first_seed + i, static_cast<Property>(p), why});
      }
    }
  }
  return many;
}

}  // namespace lazarillo::simulate
