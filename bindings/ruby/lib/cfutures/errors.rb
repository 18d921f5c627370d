# frozen_string_literal: true

# The exceptions of the binding: one class for each status of the C library, and how a status or an error of the
# library becomes one of them. Raised by everything in here.

module Cfutures
  # What all errors of the library have in common. An exception that a Ruby block raised is none of them: it comes
  # out of its future as it is.
  class Error < StandardError
    # @return [Integer] the number that came with the failure: of {TaskFailedError} the task's own code, of
    #   {OsError} the errno; else 0
    attr_reader :code
    # @return [Integer, nil] the process that died
    attr_reader :pid
    # @return [Integer, nil] the number of the signal that killed it, see +Signal.signame+
    attr_reader :signal
    # @return [Integer, nil] the code with which it exited
    attr_reader :exit_code

    # @api private
    def initialize(message = nil, code: 0, pid: nil, signal: nil, exit_code: nil)
      super(message || C.cf_status_message(self.class.number))
      @code = code
      @pid = pid
      @signal = signal
      @exit_code = exit_code
    end

    # @return [Symbol] the name of the status in the C interface: +:timeout+, +:worker_died+, ...
    def status
      C.cf_status_name(self.class.number).delete_prefix("CF_").downcase.to_sym
    end

    class << self
      # @api private
      # @return [Integer] the status in the C interface
      attr_accessor :number

      # @api private
      # The exception for a status, with the details of a +cf_error+ if there is one.
      def for(status, error = nil)
        kind = BY_NUMBER.fetch(status, PanicError)
        error.nil? || error.null? ? kind.new : build(kind, error)
      end

      # @api private
      # Raises unless the status is that of success.
      def check(status)
        raise self.for(status) unless status.zero?
      end

      # @api private
      # What any exception says, as the library takes text. Its own methods may fail.
      def text_of(exception)
        text = "#{exception.class}: #{exception.message}"
        text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub.delete("\0")
      rescue StandardError
        exception.class.to_s
      end

      private

      def build(kind, error)
        known = ->(value, none) { value unless value == none }
        kind.new(C.cf_error_message(error).force_encoding(Encoding::UTF_8),
                 code: C.cf_error_code(error), pid: known[C.cf_error_pid(error), 0],
                 signal: known[C.cf_error_signal(error), 0],
                 exit_code: known[C.cf_error_exit_code(error), -1])
      end
    end
  end

  # The wait timed out; the work goes on.
  class TimeoutError < Error
    self.number = C::TIMEOUT
  end

  # The future was cancelled.
  class CancelledError < Error
    self.number = -2
  end

  # The task failed with a {#code} and a message of its own.
  class TaskFailedError < Error
    self.number = -3
  end

  # The worker process that ran the task died: {#pid}, {#signal} and {#exit_code} say how.
  class WorkerDiedError < Error
    self.number = -4
  end

  # The pool is broken: an initializer failed, or a worker died that was not to be replaced.
  class BrokenPoolError < Error
    self.number = -5
  end

  # Submitted after the shutdown.
  class ShutdownError < Error
    self.number = -6
  end

  # The task's own deadline passed; for later, nothing raises it yet.
  class DeadlineError < Error
    self.number = -7
  end

  # This wait could never end: it would close a circle of tasks that wait for each other.
  class DeadlockError < Error
    self.number = -8
  end

  # The bounded queue is full; for later, nothing raises it yet.
  class WouldBlockError < Error
    self.number = -9
  end

  # There is nothing more to give.
  class EndError < Error
    self.number = -10
  end

  # An unknown, overflowing or contradictory argument; nothing was changed.
  class InvalidArgumentError < Error
    self.number = -11
  end

  # The object is not in a state that allows this call; nothing was changed.
  class InvalidStateError < Error
    self.number = -12
  end

  # The object belongs to the process that this one was forked from.
  class ForkedError < Error
    self.number = -13
  end

  # Out of memory, or of a pool's shared memory; nothing was changed.
  class OutOfMemoryError < Error
    self.number = -14
  end

  # The operating system refused; {#code} is the errno.
  class OsError < Error
    self.number = -15
  end

  # Not possible with this kind of pool.
  class UnsupportedError < Error
    self.number = -16
  end

  # A bug in the library, contained.
  class PanicError < Error
    self.number = -17
  end

  # The result has another size than was expected.
  class SizeMismatchError < Error
    self.number = -18
  end

  # There is no such function, or the worker processes cannot find it.
  class UnknownFunctionError < Error
    self.number = -19
  end

  # @api private
  Error::BY_NUMBER = constants.map { |name| const_get(name) }
                              .select { |it| it.is_a?(Class) && it < Error }
                              .to_h { |kind| [kind.number, kind] }.freeze
end
