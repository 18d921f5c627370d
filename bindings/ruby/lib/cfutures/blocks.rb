# frozen_string_literal: true

# Ruby blocks as tasks of a thread pool: on threads of Ruby, as no thread of the library ever calls Ruby.
#
# Owns: the threads, which start when there is work and end with the pool. Called by thread_pool.rb.
#
# Always true:
# - a block's future is one of the library, completed by hand, so that everything can wait for it;
# - its outcome stands in the Ruby object before the library says that it is done;
# - as many threads run as the pool may have, and those that wait for futures do not count.

module Cfutures
  # @api private
  # The future of a block.
  class BlockFuture < Future
    # The side that runs the block: {Future#release} gives up the other one only.
    class Run
      include Reference
      public :referred, :give_back

      # Under Critical::LOCK.
      def initialize(future)
        place = Lease::OPEN.take
        refer(Lease::OPEN.lease, place)
        @lease.put_uint64(place, C.cf_future_retain(future))
      end
    end
    private_constant :Run

    def initialize(job)
      @job = job
      @finished = nil
      Critical.section do
        place = Lease::OPEN.take
        Error.check(C.cf_future_new(Lease::OPEN.address + place))
        super(Lease::OPEN.lease, place, nil)
        @run = Run.new(referred)
      end
    end

    # Runs the block, unless it was cancelled.
    def run
      return Critical.section { @run.give_back } unless begin_to_run

      job, @job = @job, nil
      outcome = nil
      begin
        outcome = outcome_of(job)
      ensure
        # The thread may have been killed in the middle.
        complete(outcome || failure(TaskFailedError.new("the thread of the task was killed", code: -1)))
      end
    end

    private

    def begin_to_run
      Critical.section do
        Error.check(C.cf_future_set_running_or_notify_cancel(@run.referred, Critical::OUT))
        Critical::OUT.get_uint8(0) == 1
      end
    end

    def outcome_of(job)
      [:finished, job.call]
    rescue Exception => e # rubocop:disable Lint/RescueException
      failure(e)
    end

    def failure(exception)
      [:failed, exception]
    end

    def complete(outcome)
      # The user's code, so outside of the section.
      state, result = outcome
      text = Error.text_of(result) if state == :failed
      Critical.section do
        @finished = outcome
        if text
          C.cf_future_set_exception(@run.referred, -1, text)
        else
          C.cf_future_set_result(@run.referred, "", 0)
        end
        @run.give_back
      end
    end

    def interpret(_status, detail)
      @finished || [:cancelled, detail]
    end
  end

  # @api private
  # The threads of one pool that run blocks.
  class Blocks
    # How many more threads there may be than the pool has workers, for tasks that wait.
    MOST_SPARES = 64
    private_constant :MOST_SPARES

    def initialize(limit, name)
      @limit = limit
      @name = name
      @owner = Process.pid
      @lock = Mutex.new
      @news = ConditionVariable.new
      @jobs = []
      @threads = []
      @idle = 0
      @waiting = 0
      @closed = false
    end

    def submit(job)
      future = BlockFuture.new(job)
      @lock.synchronize do
        raise ForkedError unless @owner == Process.pid
        raise ShutdownError if @closed

        @jobs.push(future)
        staff
      end
      future
    end

    # A task waits meanwhile: another may run in its place.
    def while_waiting
      counted = false
      @lock.synchronize do
        raise DeadlockError, "too many tasks of the pool wait" if @waiting == @limit + MOST_SPARES

        @waiting += 1
        counted = true
        staff
      end
      yield
    ensure
      @lock.synchronize { @waiting -= 1 } if counted
    end

    # A finalizer for what owns these threads: it ends them. Not on the spot, as it may run where the lock is held.
    def closer
      proc do
        Thread.new { close(cancel: false) } if @owner == Process.pid
      rescue ThreadError
        nil # the program ends
      end
    end

    def close(cancel:)
      jobs = @lock.synchronize do
        @closed = true
        @news.broadcast
        cancel ? @jobs.slice!(0..) : []
      end
      jobs.each(&:cancel)
    end

    # Waits until the threads have ended; false if they have not in time.
    def join(deadline)
      return true unless @owner == Process.pid

      while (thread = @lock.synchronize { @threads.first })
        return false unless thread.join(deadline.left)
      end
      true
    end

    private

    # Wakes a thread, or starts one if there may be more. Under the lock.
    def staff
      if @idle >= @jobs.size
        @news.signal
      elsif @threads.size - @waiting < @limit
        @threads << Thread.new { serve }.tap { |thread| thread.name = @name if @name }
      end
    end

    def serve
      while (future = take)
        Cycles.run(future, self) { future.run }
      end
    ensure
      @lock.synchronize do
        @threads.delete(Thread.current)
        # It may have been killed, with work left.
        staff unless @jobs.empty?
      end
    end

    # The next task, waiting for it; nil when this thread is to end.
    def take
      @lock.synchronize do
        while @jobs.empty?
          return if @closed || @threads.size - @waiting > @limit

          sleep_until_news
        end
        return if @threads.size - @waiting > @limit

        @jobs.shift
      end
    end

    def sleep_until_news
      @idle += 1
      @news.wait(@lock)
    ensure
      @idle -= 1
    end
  end
end
