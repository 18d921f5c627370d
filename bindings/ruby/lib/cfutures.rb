# frozen_string_literal: true

# Python's concurrent.futures for Ruby: pools of threads and of crash-isolated worker processes, from the C library
# cfutures. This file loads the parts; each says what it owns.

require_relative "cfutures/version"
require_relative "cfutures/c"
require_relative "cfutures/errors"
require_relative "cfutures/lease"
require_relative "cfutures/task"
require_relative "cfutures/waiting"
require_relative "cfutures/cycles"
require_relative "cfutures/future"
require_relative "cfutures/completed"
require_relative "cfutures/callbacks"
require_relative "cfutures/registry"
require_relative "cfutures/options"
require_relative "cfutures/executor"
require_relative "cfutures/blocks"
require_relative "cfutures/thread_pool"
require_relative "cfutures/worker"
require_relative "cfutures/process_pool"

# Pools of threads and of worker processes, and futures.
#
# {ThreadPool} and {ProcessPool} run C functions of shared libraries, and Ruby blocks where that is of use; both give a
# {Future} for each call. {wait} and {as_completed} wait for many.
module Cfutures
  # @return [String] the version of the C library that is in use
  def self.library_version
    C.cf_version_string
  end
end
