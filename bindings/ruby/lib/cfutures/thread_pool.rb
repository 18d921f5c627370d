# frozen_string_literal: true

# Pools of threads. The threads of the library run C functions; Ruby blocks run on threads of Ruby, see blocks.rb.

module Cfutures
  # A pool of threads.
  #
  # C functions run on threads of the library, in parallel, without Ruby's lock. Blocks run on threads of Ruby, up to
  # as many again: these take turns, because of Ruby's lock (the GVL), and so only what waits (for the network, for
  # files, for programs, for C functions) runs side by side. Blocks that compute belong into a {ProcessPool}.
  #
  # @example
  #   Cfutures::ThreadPool.open(max_workers: 4) do |pool|
  #     pool.submit(SQUARE, 12).value                # a C function
  #     pool.submit("/etc/hosts") { File.read(_1) }  # a block
  #   end
  class ThreadPool < Executor
    # Makes a pool. Threads start when there is work for them.
    #
    # @param max_workers [Integer, nil] how many tasks may run at the same time; nil: the smaller of 32 and 4 more
    #   than there are processors
    # @param name [String, nil] what threads are called, followed by their numbers
    # @param initializer [Task, nil] a C function that each thread of the library calls first; if it fails, the pool
    #   is broken
    # @param initargs [Array] the arguments of the initializer
    # @param stack_size [Integer, nil] bytes of stack for each thread of the library
    # @param max_spares [Integer, nil] how many more threads of the library may stand in for tasks that wait
    # @param inline_wait [Boolean, nil] whether a C task that waits for one that has not begun may run it itself
    # @raise [InvalidArgumentError]
    def initialize(max_workers: nil, name: nil, initializer: nil, initargs: [], stack_size: nil, max_spares: nil,
                   inline_wait: nil)
      super()
      if initializer
        raise InvalidArgumentError, "the initializer is a C function" unless initializer.is_a?(Task)

        initializer = [initializer.function, initializer.pack(initargs)]
      end
      make(:cf_thread_pool_new_with,
           { max_workers: max_workers, name: name, initializer: initializer, stack_size: stack_size,
             max_spares: max_spares, inline_wait: inline_wait })
      @blocks = Blocks.new(@max_workers, name)
      ObjectSpace.define_finalizer(self, @blocks.closer)
    end

    private

    def submit_block(arguments, keywords, block)
      @blocks.submit(-> { block.call(*arguments, **keywords) })
    end

    def submit_named(name, arguments, keywords)
      submit_block(arguments, keywords, Registry.fetch(name))
    end

    def close(cancel:)
      @blocks.close(cancel: cancel)
    end

    def join(handle, deadline)
      @blocks.join(deadline) && super
    end

    def inside?
      Cycles.blocks.equal?(@blocks)
    end
  end
end
