//go:build cfutures_debug

// With the tag cfutures_debug every use of a handle is preceded by a garbage collection, so that a handle whose
// owner is not kept alive is freed where it hurts.

package cfutures

import "runtime"

func provoke() { runtime.GC() }
