#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "run/port.h"
#include "run/thread_role.h"

namespace lazarillo {

/// Told of the first exception that escapes a stage.
using OnFailure = std::function<void(std::exception_ptr)>;

/// Runs a stage's function for every value of its port, on a thread of its own, until the port is
/// closed and empty.
template <class T, class Function>
std::thread start_stage(const char* name, ThreadRole role, Port<T>& input, OnFailure on_failure,
                        Function function) {
  return std::thread([name, role, &input, on_failure = std::move(on_failure),
                      function = std::move(function)]() mutable {
    begin_thread(name, role);
    try {
      while (auto value = input.pop()) function(std::move(*value));
    } catch (...) {
      on_failure(std::current_exception());
      // Nobody takes any more: givers must not wait.
      input.close();
    }
  });
}

}  // namespace lazarillo
