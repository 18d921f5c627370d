# frozen_string_literal: true

# Ruby blocks that wait for each other. Called by whatever waits (future.rb, completed.rb) and by blocks.rb.
#
# The library sees the waits of C tasks and not those of Ruby blocks, which run on threads of Ruby. So this does for
# blocks what the library does for its own: a block that waits lets another begin in its place, and a wait that could
# never end is refused.
#
# Always true: a wait is listed only while its thread is in it, and has no time limit.

module Cfutures
  # @api private
  module Cycles
    CURRENT = :cfutures_future
    Wait = Struct.new(:futures, :mode)
    LOCK = Mutex.new
    # What runs and waits: its future, and its wait.
    @waits = {}
    private_constant :CURRENT, :Wait, :LOCK

    class << self
      # Runs a block as the task of a future, which a pool of {Blocks} has given to this thread.
      def run(future, blocks)
        thread = Thread.current
        before = thread.thread_variable_get(CURRENT)
        thread.thread_variable_set(CURRENT, [future, blocks])
        yield
      ensure
        thread.thread_variable_set(CURRENT, before)
      end

      # The pool whose task this thread runs, if any.
      def blocks
        Thread.current.thread_variable_get(CURRENT)&.last
      end

      # Waits, in the block, for futures, the values of a Hash: for all of them or for any.
      def enter(futures, mode, deadline, &wait)
        future, blocks = Thread.current.thread_variable_get(CURRENT)
        return yield unless future

        blocks.while_waiting do
          next yield unless deadline.forever?

          listed(future, Wait.new(futures.values, mode), &wait)
        end
      end

      private

      def listed(future, wait)
        LOCK.synchronize do
          @waits[future] = wait
          raise DeadlockError if stuck?(future)
        end
        yield
      ensure
        LOCK.synchronize { @waits.delete(future) }
      end

      # Whatever waits for something that goes on goes on itself. What is left then never does.
      def stuck?(future)
        stuck = @waits.reject { |_, wait| wait.futures.any?(&:done?) && wait.mode == :any }
        nil while stuck.reject! { |_, wait| goes_on?(wait, stuck) }
        stuck.key?(future)
      end

      def goes_on?(wait, stuck)
        never = ->(future) { stuck.key?(future) && !future.done? }
        wait.mode == :all ? wait.futures.none?(&never) : !wait.futures.all?(&never)
      end
    end
  end
end
