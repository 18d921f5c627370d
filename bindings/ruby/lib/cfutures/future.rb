# frozen_string_literal: true

# A call that was submitted, and its outcome. Made by executor.rb and blocks.rb.
#
# Owns one reference to the library's future, until it is known how the call ended: then that is Ruby's, and the
# reference is given back at once.
#
# Always true:
# - the reference is used and given back under Critical::LOCK, so that no thread meets one that another has given back;
# - once @state is set, neither it nor @result changes any more.

module Cfutures
  # A call that was submitted to a pool, and its outcome.
  #
  # All methods may be called by any thread. A wait can be interrupted, by +Timeout.timeout+ and +Thread#raise+ for
  # instance, which leaves the task alone, and other fibers of a +Fiber::Scheduler+ run meanwhile.
  class Future
    include Reference

    STATES = %i[pending running finished failed cancelled].freeze
    private_constant :STATES

    # @api private
    # The reference stands in that place of the lease. +reader+ makes a value of the bytes of a result, and an exception
    # of an error.
    def initialize(lease, place, reader)
      refer(lease, place)
      @reader = reader
    end

    # The result of the call, waiting for it if need be.
    #
    # @param timeout [Numeric, nil] the longest wait in seconds; nil: no limit
    # @return [Object] what the task gave
    # @raise [TimeoutError] it is not done in time; the call goes on, and can be asked again
    # @raise [CancelledError] it was cancelled
    # @raise [TaskFailedError] the task failed
    # @raise [WorkerDiedError] its worker process died
    # @raise [BrokenPoolError] the pool broke before it was done
    # @raise [DeadlockError] this wait could never end
    # @raise [Exception] what the block raised, of a task that is a Ruby block
    def value(timeout = nil)
      raise TimeoutError, "not done after #{timeout} s" unless settle || wait(timeout)
      return @result if @state == :finished

      raise @result.is_a?(Error) ? @result.clone : @result
    end
    alias result value

    # Waits until the call is done, however it ends.
    #
    # @param timeout [Numeric, nil] the longest wait in seconds; nil: no limit
    # @return [Future, nil] itself, or nil if it is not done in time
    # @raise [DeadlockError] this wait could never end
    def wait(timeout = nil)
      return self if settle

      deadline = Deadline.after(timeout)
      Cycles.enter({ 0 => self }, :all, deadline) do
        CompletionQueue.use do |queue|
          queue.next(deadline) if collect(queue, 0)
        end
      end
      self if settle
    end

    # How the call failed; never waits.
    #
    # @return [Exception, nil] nil too while it is not done
    def error
      @result if settle && @state != :finished
    end

    # Cancels a call that has not begun. It never runs then, and is done at once.
    #
    # @return [Boolean] whether it is cancelled, now or before
    def cancel
      section(false) { |future| C.cf_future_cancel(future) } || cancelled?
    end

    # Cancels a call of a process pool, even if it runs already: its worker process is killed and replaced.
    #
    # The call does not wait. If the task ends before it is killed, its outcome stands.
    #
    # @param grace [Numeric, nil] seconds from SIGTERM to SIGKILL; 0: SIGKILL at once; nil: only SIGTERM
    # @return [Boolean] false: it was done already
    # @raise [UnsupportedError] it runs on a thread
    def kill(grace = 0)
      grace = C.nanoseconds(grace)
      status = section(InvalidStateError.number) { |future| C.cf_future_kill(future, grace) }
      return false if status == InvalidStateError.number

      Error.check(status)
      true
    end

    # @return [Symbol] +:pending+, +:running+, +:finished+, +:failed+ or +:cancelled+
    def state
      return @state if @state

      section(nil) { |future| STATES.fetch(C.cf_future_state(future)) } || (settle && @state)
    end

    # @return [Boolean] whether it has not begun
    def pending? = state == :pending

    # @return [Boolean] whether a worker runs it at this moment
    def running? = state == :running

    # @return [Boolean] whether it was cancelled
    def cancelled? = state == :cancelled

    # @return [Boolean] whether it has failed; one that was cancelled has not
    def failed? = state == :failed

    # @return [Boolean] whether it has ended, however it did
    def done? = !%i[pending running].include?(state)

    # Calls a block once when the call is done, however it ends; soon, if it is done already.
    #
    # The block runs on a thread of its own that serves all callbacks of the process one after another, in the order
    # in which the calls end. What it raises is printed as a warning.
    #
    # @yieldparam future [Future] this one
    # @return [Future] itself
    def on_complete(&block)
      raise InvalidArgumentError, "there is no block" unless block

      Callbacks.add(self, block)
      self
    end

    # Gives up what the library keeps for this future, long before the garbage collector would. The call goes on;
    # its outcome is lost, unless it has been read before: then there is nothing to give up.
    #
    # @return [nil]
    def release
      Critical::LOCK.synchronize { give_back }
    end

    # @api private
    # Has a queue collect this future under a number. False if its outcome is here already.
    def collect(queue, number)
      section(false) do |future|
        queue.add(future, number)
        true
      end
    end

    # @api private
    # Whether it is known how the call ended, now or before. The user's code is not called for that.
    def over?
      if @state || @ending
        release if @lease # an exception came before it was given back
        return true
      end

      Critical::LOCK.synchronize { take }
      !(@state || @ending).nil?
    end

    # @return [String]
    def inspect
      known = @state || @ending || @lease ? state : "released"
      "#<#{self.class} #{@reader&.inspect || "of a block"} #{known}>"
    end

    private

    # Calls the block with the library's future; gives +otherwise+ if the outcome has taken its place.
    def section(otherwise)
      Critical.section do
        future = referred
        next yield(future) if future
        raise InvalidStateError, "this future was released" unless @state || @ending

        otherwise
      end
    end

    # Whether the call is done. Then @state says how it ended, and @result with what: a value or an exception.
    def settle
      return true if @state && !@lease
      return false unless over?

      conclude(*@ending) unless @state
      true
    end

    # Takes over how the call ended, if it has, and gives the reference back. What an exception leaves undone, the next
    # call does.
    def take
      return if @state || @ending

      future = referred or raise InvalidStateError, "this future was released"
      read(future)
      give_back if @state || @ending
    end

    # Sets @state at once where the result is one number, as that is the quickest; else @ending, to the status, and the
    # bytes or the error. Neither while it is not done.
    def read(future)
      size = @reader&.size
      return read_bytes(future) unless size

      case C.cf_future_result_into(future, 0, Critical::OUT, size)
      when 0
        @result = @reader.number(Critical::OUT)
        @state = :finished
      when C::TIMEOUT then nil
      else read_bytes(future)
      end
    end

    def read_bytes(future)
      status = C.cf_future_result(future, 0, Critical::OUT, Critical::OUT2)
      case status
      when 0 then @ending = [0, Critical::OUT.get_pointer(0).get_bytes(0, Critical::OUT2.get_uint64(0))]
      when C::TIMEOUT then nil
      when ForkedError.number then raise ForkedError
      else @ending = [status, Error.for(status, C.cf_future_error(future))]
      end
    end

    # Not under the lock: what reads may be the user's code. Of two threads that do it one has its way.
    def conclude(status, detail)
      state, result = interpret(status, detail)
      Critical::LOCK.synchronize do
        @result, @state = result, state unless @state
      end
    end

    # The state and the result.
    def interpret(status, detail)
      return :finished, @reader.decode(detail) if status.zero?
      return :cancelled, detail if status == CancelledError.number

      [:failed, @reader.exception_of(detail)]
    rescue StandardError => e
      # The bytes are not what they were said to be.
      [:failed, e]
    end
  end
end
