# frozen_string_literal: true

# Waiting for many futures: Cfutures.wait and Cfutures.as_completed. Called by programs, and by map.rb.

module Cfutures
  # What {wait} waits for.
  RETURN_WHEN = %i[all_completed first_completed first_exception].freeze

  class << self
    # Waits until some or all of many futures are done.
    #
    # @param futures [Enumerable<Future>] of any pools
    # @param timeout [Numeric, nil] the longest wait in seconds; nil: no limit
    # @param return_when [Symbol] +:all_completed+; +:first_completed+, however it ended; or +:first_exception+:
    #   until one has failed, or all are done. A future that was cancelled has not failed.
    # @return [Array(Array<Future>, Array<Future>)] those that are done, and those that are not, also when the time is
    #   over
    # @raise [DeadlockError] this wait could never end
    # @raise [InvalidArgumentError] +return_when+ is unknown, or something is no future
    #
    # @example
    #   done, not_done = Cfutures.wait(futures, timeout: 2)
    def wait(futures, timeout: nil, return_when: :all_completed)
      unless RETURN_WHEN.include?(return_when)
        raise InvalidArgumentError, "return_when is one of #{RETURN_WHEN.inspect}, not #{return_when.inspect}"
      end

      futures = Completed.distinct(futures)
      enough = { first_completed: ->(_) { true }, first_exception: :failed?.to_proc }[return_when]
      mode = enough ? :any : :all
      Completed.new(futures, Deadline.after(timeout), mode).each { |future| break if enough&.call(future) }
      futures.partition(&:done?)
    end

    # Gives futures as they are done: first those that are done already, then the others in the order in which they
    # end. One that is among them twice is given once.
    #
    # @param futures [Enumerable<Future>] of any pools
    # @param timeout [Numeric, nil] the seconds for all of them, from now on; nil: no limit
    # @yieldparam future [Future] one that is done
    # @return [Enumerator<Future>, nil] an Enumerator if there is no block
    # @raise [TimeoutError] in the iteration: not all were done in time; those that were have been given
    # @raise [DeadlockError] in the iteration: this wait could never end
    #
    # @example
    #   Cfutures.as_completed(futures).each { |future| puts future.value }
    def as_completed(futures, timeout: nil, &block)
      futures = Completed.distinct(futures)
      completed = Completed.new(futures, Deadline.after(timeout), :any)
      enumerator = Enumerator.new(futures.size) do |yielder|
        left = futures.size
        completed.each do |future|
          left -= 1
          yielder << future
        end
        raise TimeoutError, "#{left} of #{futures.size} futures are not done" if left.positive?
      end
      return enumerator unless block

      enumerator.each(&block)
      nil
    end
  end

  # @api private
  # Futures in the order in which they are done, until a deadline.
  class Completed
    def self.distinct(futures)
      futures.to_a.uniq(&:__id__).each do |future|
        raise InvalidArgumentError, "#{future.inspect} is no future" unless future.is_a?(Future)
      end
    end

    # +mode+: the caller goes on after +:any+ of them, or after +:all+.
    def initialize(futures, deadline, mode)
      @futures = futures
      @deadline = deadline
      @mode = mode
    end

    # Ends early, without an exception, when the time is over.
    def each(&block)
      CompletionQueue.use do |queue|
        waiting, done = @futures.each_with_index.partition { |future, i| !future.over? && future.collect(queue, i) }
        done.each { |future, _| block.call(future) }
        left = waiting.to_h(&:reverse)
        while !left.empty? && (number = take(queue, left))
          block.call(left.delete(number))
        end
      end
    end

    private

    # Without a time limit it asks first what is there, so that there is no wait without need.
    def take(queue, left)
      queue.poll || Cycles.enter(left, @mode, @deadline) { queue.next(@deadline) }
    end
  end
end
