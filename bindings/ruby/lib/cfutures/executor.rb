# frozen_string_literal: true

# What pools of threads and of processes have in common. The two kinds, thread_pool.rb and process_pool.rb, say how
# they are made and how they run Ruby.
#
# Owns: the library's executor, until the pool has come to its end. Always true: the handle is used in critical
# sections, or while it is counted in @joining; it is given back when neither is the case.

module Cfutures
  # What runs tasks: a {ThreadPool} or a {ProcessPool}. Any thread may use it.
  #
  # A task is a C function, see {Library#task}, the name of a block, see {Cfutures.register}, or, in thread pools, a
  # block itself.
  class Executor
    # How long a thread waits inside the library before it looks whether Ruby wants something of it.
    SLICE = 50_000_000
    # Stands for a task that was not given.
    NOTHING = Object.new.tap { |nothing| def nothing.inspect = "nothing" }.freeze
    private_constant :SLICE, :NOTHING

    class << self
      # Makes a pool, yields it, and shuts it down in the end: when the block returns all tasks run to their end; when
      # it raises, those that have not begun are cancelled first.
      #
      # @param options as for +new+
      # @yieldparam pool [Executor]
      # @return [Object] what the block gives; without a block the pool
      def open(**options)
        pool = new(**options)
        return pool unless block_given?

        failed = false
        begin
          yield pool
        rescue Exception # rubocop:disable Lint/RescueException
          failed = true
          raise
        ensure
          pool.shutdown(cancel_futures: failed) if pool.mine?
        end
      end
    end

    # @return [Integer] how many tasks may run at the same time
    attr_reader :max_workers

    # @overload submit(task, *arguments)
    #   Submits a call of a C function or of a named block.
    #   @param task [Task, Symbol, String]
    #   @param arguments what the function takes
    # @overload submit(*arguments, &block)
    #   Submits a call of a block, in a thread pool.
    #   @yield with the arguments
    # @return [Future]
    # @raise [ShutdownError] the pool was shut down
    # @raise [BrokenPoolError] the pool is broken
    # @raise [UnknownFunctionError] there is no block of that name
    # @raise [ForkedError] the pool is the parent process's
    def submit(task = NOTHING, *arguments, **keywords, &block)
      return submit_block(NOTHING.equal?(task) ? arguments : [task, *arguments], keywords, block) if block

      case task
      when Task
        arguments.push(keywords) unless keywords.empty?
        submit_bytes(task.function, task.pack(arguments), task)
      when Symbol, String then submit_named(task, arguments, keywords)
      when Proc, Method then submit_block(arguments, keywords, task)
      else raise InvalidArgumentError, "#{task.inspect} is no task"
      end
    end

    # Submits a call for each item.
    #
    # @param task [Task, Symbol, String, nil]
    # @param items [Enumerable] the argument of each call; for a C function that takes several values, Arrays of them
    # @yield with an item, in a thread pool, if there is no task
    # @return [Array<Future>] in the order of the items
    # @raise as {#submit}; what was submitted before is cancelled then
    def submit_many(task = nil, items, &block)
      return submit_array(task, items) if task.is_a?(Task) && !block

      futures = []
      items.each { |item| futures << (task ? submit(task, item, &block) : submit(item, &block)) }
      futures
    rescue StandardError
      futures&.each(&:cancel)
      raise
    end

    # Runs a task for each item, in parallel, and gives the results in the order of the items.
    #
    # All calls are submitted at once. The Enumerator can be run through once: when it is left, by +break+, +first+ or
    # an exception, what has not begun is cancelled.
    #
    # @param task [Task, Symbol, String, nil]
    # @param items [Enumerable] as for {#submit_many}
    # @param timeout [Numeric, nil] the seconds for all of it, from now on; nil: no limit
    # @yield with an item, in a thread pool, if there is no task
    # @return [Enumerator] of the results; it raises what {Future#value} raises when the turn of such an item comes
    # @raise as {#submit}
    #
    # @example
    #   pool.map(SQUARE, 1..3).to_a # => [1, 4, 9]
    def map(task = nil, items, timeout: nil, &block)
      deadline = Deadline.after(timeout)
      futures = submit_many(task, items, &block)
      Enumerator.new(futures.size) do |results|
        until futures.empty?
          raise TimeoutError, "the map is not done in time" unless futures.first.wait(deadline.left)

          results << futures.shift.value
        end
      ensure
        futures.each(&:cancel)
      end
    end

    # Ends the pool: it takes no more tasks, and those it has run to their end or are cancelled. It may be called
    # again, for instance to wait or to cancel after all.
    #
    # @param wait [Boolean] return when all tasks and workers have ended
    # @param cancel_futures [Boolean] cancel every task that has not begun
    # @param timeout [Numeric, nil] the longest wait in seconds; nil: no limit
    # @return [Boolean] false: it has not ended in time, the work goes on
    # @raise [DeadlockError] a task of the pool would wait for itself
    def shutdown(wait: true, cancel_futures: false, timeout: nil)
      raise DeadlockError, "a task of the pool would wait for its own end" if wait && inside?

      deadline = Deadline.after(timeout)
      counted do |handle|
        Error.check(C.cf_executor_shutdown(handle, false, cancel_futures))
        close(cancel: cancel_futures)
        next unless wait
        return false unless join(handle, deadline)

        @ended = true
      end
      true
    end

    # @return [BrokenPoolError, nil] why the pool is broken, if it is
    def error
      counted { |handle| broken(handle) }
    end

    # @api private
    # False in a forked child of the process that made the pool.
    def mine?
      @owner == Process.pid
    end

    # @return [String]
    def inspect
      "#<#{self.class} of #{max_workers}>"
    end

    private

    # Makes the library's pool with options. +constructor+ is the C function.
    def make(constructor, options)
      error = nil
      Options.with(options) do |native|
        out = FFI::MemoryPointer.new(:pointer, 2)
        Thread.handle_interrupt(Object => :never) do
          status = C.public_send(constructor, native, out, out + 8)
          @handle = Handle::Executor.new(out.get_pointer(0)) if status.zero?
          unless status.zero?
            error = Error.for(status, out.get_pointer(8))
            C.cf_error_free(out.get_pointer(8))
          end
        end
      end
      raise error if error

      @joining = 0
      @ended = false
      @owner = Process.pid
      @max_workers = C.cf_executor_max_workers(@handle)
    end

    # The library itself refuses what a forked child asks for. Under Critical::LOCK.
    def handle
      @handle || raise(ShutdownError)
    end

    # Yields the handle, unless the pool has ended; it stays until the block is left.
    def counted
      raise ForkedError unless mine?

      handle = Critical.section do
        @joining += 1 if @handle
        @handle
      end
      return unless handle

      begin
        yield handle
      ensure
        Critical.section do
          @joining -= 1
          free if @ended && @joining.zero?
        end
      end
    end

    # Its end has come, so this does not wait.
    def free
      C.cf_executor_free(@handle)
      @handle.autorelease = false
      @handle = nil
    end

    def submit_bytes(function, bytes, reader)
      Critical::LOCK.synchronize do
        place = Lease::OPEN.take
        status = C.cf_executor_submit(handle, function, bytes, bytes.bytesize, Lease::OPEN.address + place)
        refuse(status) unless status.zero?
        Future.new(Lease::OPEN.lease, place, reader)
      end
    end

    # Under Critical::LOCK.
    def refuse(status)
      raise (broken(@handle) if status == BrokenPoolError.number) || Error.for(status)
    end

    def broken(handle)
      error = C.cf_executor_error(handle)
      Error.for(C.cf_error_status(error), error) unless error.null?
    end

    # In one call of the library, if all arguments have the same size.
    def submit_array(task, items)
      items = items.to_a.dup # packing may call what changes it
      bytes = task.pack_all(items)
      bytes.is_a?(String) ? submit_packed(task, bytes, items.size) : submit_one_by_one(task, bytes)
    end

    def submit_one_by_one(task, arguments)
      futures = []
      arguments.each { |bytes| futures << submit_bytes(task.function, bytes, task) }
      futures
    rescue StandardError
      futures.each(&:cancel)
      raise
    end

    def submit_packed(task, bytes, count)
      size = count.zero? ? 0 : bytes.bytesize / count
      leases = Lease.many(count)
      Critical.section do
        status = C.cf_executor_submit_many(handle, task.function, bytes, size, count, leases.first, Critical::OUT)
        unless status.zero?
          C.cf_futures_cancel(leases.first, count)
          refuse(status)
        end
        Array.new(count) do |i|
          Future.new(leases[i / Lease::PLACES], i % Lease::PLACES * Lease::WIDTH, task)
        end
      end
    end

    # The library's wait cannot be interrupted, so it is taken in slices; and it would stop the fibers of this thread.
    def join(handle, deadline)
      return Thread.new { join_in_slices(handle, deadline) }.value if Fiber.current_scheduler

      join_in_slices(handle, deadline)
    end

    def join_in_slices(handle, deadline)
      loop do
        left = deadline.left
        nanoseconds = left ? [C.nanoseconds(left), SLICE].min : SLICE
        status = C.cf_executor_join(handle, nanoseconds)
        return true if status.zero?
        raise Error.for(status) unless status == TimeoutError.number
        return false if left&.zero?
      end
    end
  end
end
