// What the tests know beside the public interface.

package cfutures

// LeasePlaces is how many futures share a lease.
const LeasePlaces = leasePlaces
