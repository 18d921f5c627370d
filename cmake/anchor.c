/*
 * What CMake compiles for libcfutures. Everything else comes out of the core's archive, but a library
 * target needs a source of its own. Used by CFuturesLibraries.cmake; the version script hides the name.
 */
extern const char cfutures_anchor[];
const char cfutures_anchor[] = "cfutures";
