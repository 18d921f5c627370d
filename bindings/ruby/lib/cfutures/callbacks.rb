# frozen_string_literal: true

# The thread on which the blocks of Future#on_complete run. Called by future.rb.
#
# Owns: one thread and one completion queue for the process, from the first callback on; in a forked child both are
# made anew when they are needed. Always true: each block is called once, and on that thread only.

module Cfutures
  # @api private
  module Callbacks
    LOCK = Mutex.new
    private_constant :LOCK

    @owner = nil

    class << self
      def add(future, block)
        LOCK.synchronize do
          start unless @owner == Process.pid && @thread.alive?
          number = @number += 1
          @blocks[number] = [future, block]
          begin
            Critical.section { @queue.add(@done, number) } unless future.collect(@queue, number)
          rescue StandardError
            @blocks.delete(number)
            raise
          end
        end
      end

      private

      def start
        @owner = Process.pid
        @number = 0
        @blocks = {}
        @queue = CompletionQueue.new
        # It brings a callback into the queue whose own future has been read already.
        @done = done_future
        @thread = Thread.new { serve(@queue, @blocks) }
        @thread.name = "cfutures"
        @thread.report_on_exception = true
      end

      def done_future
        Critical.section do
          Error.check(C.cf_future_new(Critical::OUT.address))
          Critical::OUT.get_uint64(0).tap { |done| C.cf_future_set_result(done, "", 0) }
        end
      end

      def serve(queue, blocks)
        forever = Deadline.after(nil)
        loop do
          number = queue.next(forever)
          future, block = LOCK.synchronize { blocks.delete(number) }
          call(future, block)
        end
      end

      def call(future, block)
        block.call(future)
      rescue Exception => e # rubocop:disable Lint/RescueException
        warn "cfutures: a callback of #{future.inspect} failed: #{e.full_message(highlight: false)}"
      end
    end
  end
end
