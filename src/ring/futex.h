#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace lazarillo {

/// Sleeps while the word still holds `expected`, at most `timeout`; may wake early. Works between
/// processes, which std::atomic::wait does not promise.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::chrono::nanoseconds timeout) noexcept;

/// Wakes everybody who sleeps on the word.
void futex_wake_all(const std::atomic<std::uint32_t>& word) noexcept;

}  // namespace lazarillo
