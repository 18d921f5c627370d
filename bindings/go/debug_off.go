//go:build !cfutures_debug

// The counterpart of debug_on.go.

package cfutures

// provoke does nothing, see debug_on.go.
func provoke() {}
