# frozen_string_literal: true

# Waiting for futures in a way that Ruby can interrupt: never inside the library, but for the descriptor of a
# completion queue. Called by future.rb, completed.rb and callbacks.rb.
#
# Always true:
# - a thread that waits lets others run, also the fibers of its own scheduler, and Timeout, Thread#raise and Ctrl-C
#   end the wait;
# - a queue that is used again has no entry left of the wait before.

require "io/wait"

module Cfutures
  # @api private
  # The moment until which something may take its time.
  class Deadline
    def self.after(seconds)
      unless seconds.nil? || (seconds.is_a?(Numeric) && seconds.real?)
        raise InvalidArgumentError, "a time is a number of seconds or nil, not #{seconds.inspect}"
      end

      raise InvalidArgumentError, "a time is not NaN" if seconds.is_a?(Float) && seconds.nan?

      seconds = nil if seconds&.infinite? == 1
      new(seconds && (now + seconds))
    end

    def self.now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end

    def initialize(at)
      @at = at
    end

    def forever?
      @at.nil?
    end

    # The seconds that are left, never negative; nil without a limit.
    def left
      @at && [@at - Deadline.now, 0].max
    end
  end

  # @api private
  # A completion queue and the IO of its descriptor. Futures are put in under numbers.
  class CompletionQueue
    # How many are kept for later waits.
    KEPT = 8
    @kept = []
    @owner = Process.pid

    # Yields a queue that nobody else uses meanwhile.
    def self.use
      queue = take
      yield queue
    ensure
      give_back(queue) if queue
    end

    def self.take
      if @owner != Process.pid
        # They are the parent's.
        @owner = Process.pid
        @kept = []
      end
      @kept.pop || new
    end
    private_class_method :take

    def self.give_back(queue)
      if queue.empty? && @kept.size < KEPT
        @kept.push(queue)
      else
        queue.free
      end
    end
    private_class_method :give_back

    def initialize
      Critical.section do
        Error.check(C.cf_completion_queue_new(Critical::OUT))
        @handle = Handle::Queue.new(Critical::OUT.get_pointer(0))
      end
      descriptor = C.cf_completion_queue_fd(@handle)
      raise OsError.new("there is no descriptor left", code: Errno::EMFILE::Errno) if descriptor.negative?

      @io = IO.for_fd(descriptor, "r", autoclose: false)
      @entries = 0
    end

    def empty?
      @entries.zero?
    end

    def free
      Critical.section { @handle.free }
    end

    # Has the queue collect a future when it is done. Inside of a critical section.
    def add(future, number)
      Error.check(C.cf_completion_queue_add(@handle, future, number, nil))
      @entries += 1
    end

    # The number of a future that is done, or nil when the time is over.
    def next(deadline)
      loop do
        number = poll
        return number if number

        left = deadline.left
        return if left&.zero?

        @io.wait_readable(left)
      end
    end

    # The same without waiting.
    def poll
      Critical.section do
        status = C.cf_completion_queue_next(@handle, 0, Critical::OUT, Critical::OUT2)
        next if status == TimeoutError.number

        Error.check(status)
        @entries -= 1
        # The queue's own reference.
        C.cf_future_release(Critical::OUT.get_uint64(0))
        Critical::OUT2.get_uint64(0)
      end
    end
  end
end
