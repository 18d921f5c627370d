//go:build !cfutures_debug

package cfutures

// provoke does nothing, see debug_on.go.
func provoke() {}
