#pragma once

namespace lazarillo::test {

/// How often the whole test program has allocated with new so far, on any thread.
long allocations();

}  // namespace lazarillo::test
