# frozen_string_literal: true

# A call that was submitted, and its outcome. Made by executor.rb and blocks.rb.
#
# Owns one reference to the library's future, until it is known how the call ended: then that is Ruby's, and the
# reference is given back at once. Always true: the reference is used and given back in critical sections only, so
# that no thread meets one that another has given back.

module Cfutures
  # A call that was submitted to a pool, and its outcome.
  #
  # All methods may be called by any thread. A wait can be interrupted, by +Timeout.timeout+ and +Thread#raise+ for
  # instance, which leaves the task alone, and other fibers of a +Fiber::Scheduler+ run meanwhile.
  class Future
    STATES = %i[pending running finished failed cancelled].freeze
    # A result, and how it is to be read; an exception that is to be raised.
    Outcome = Struct.new(:state, :value, :error)
    private_constant :STATES, :Outcome

    # @api private
    # Takes the reference that +future+ is. +reader+ makes a value of the bytes of a result, and an exception of an
    # error. Inside of a critical section.
    def initialize(future, reader)
      @reference = Reference.new(future, self)
      @reader = reader
      @ending = @outcome = nil
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
      outcome = settle
      unless outcome
        raise TimeoutError, "not done after #{timeout} s" unless wait(timeout)

        outcome = @outcome
      end
      return outcome.value unless outcome.error

      raise outcome.error.is_a?(Error) ? outcome.error.clone : outcome.error
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
      settle&.error
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
      section(nil) { |future| STATES.fetch(C.cf_future_state(future)) } || settle.state
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
      Critical.section { @reference.release }
    end

    # @api private
    # Has a queue collect this future under a number. False if its outcome is here already.
    def collect(queue, number)
      section(false) do |future|
        queue.add(future, number)
        true
      end
    end

    # @return [String]
    def inspect
      known = @ending || @reference.future ? state : "released"
      "#<#{self.class} #{@reader&.inspect || "of a block"} #{known}>"
    end

    private

    # Calls the block with the library's future; gives +otherwise+ if the outcome has taken its place.
    def section(otherwise)
      Critical.section do
        future = @reference.future
        next yield(future) if future
        raise InvalidStateError, "this future was released" unless @ending

        otherwise
      end
    end

    # The outcome, if the call is done.
    def settle
      return @outcome if @outcome

      section(nil) do |future|
        @ending = read(future)
        @reference.release if @ending
      end
      @outcome ||= interpret(*@ending) if @ending
    end

    # How the call ended, and the bytes or the error with which it did. Nil while it is not done.
    def read(future)
      status = C.cf_future_result(future, 0, Critical::OUT, Critical::OUT2)
      case status
      when 0 then [0, Critical::OUT.get_pointer(0).get_bytes(0, Critical::OUT2.get_uint64(0))]
      when TimeoutError.number then nil
      when ForkedError.number then raise ForkedError
      else [status, Error.for(status, C.cf_future_error(future))]
      end
    end

    # Outside of the critical section: what reads may be the user's code.
    def interpret(status, detail)
      return Outcome.new(:finished, @reader.decode(detail), nil) if status.zero?
      return Outcome.new(:cancelled, nil, detail) if status == CancelledError.number

      Outcome.new(:failed, nil, @reader.exception_of(detail))
    rescue StandardError => e
      # The bytes are not what they were said to be.
      Outcome.new(:failed, nil, e)
    end
  end
end
