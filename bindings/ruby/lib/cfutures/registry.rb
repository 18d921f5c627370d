# frozen_string_literal: true

# Ruby blocks by name, and how calls of them travel to worker processes and back. Called by programs (register), by
# the pools, and by worker.rb.
#
# Always true: a call is Marshal of name, arguments and keywords; a result is Marshal; an exception travels as the
# message of a failed task: for a person to read, and behind a mark as Marshal in Base64.

module Cfutures
  class << self
    # Gives a block a name, by which pools run it: a process pool in its worker processes, which load the file that
    # this call stands in, and a thread pool on threads of Ruby.
    #
    # Register at the top level of a file, before the pool is made. Where that file is the program itself, all else
    # that it does belongs behind +if __FILE__ == $PROGRAM_NAME+, as the workers load it too.
    #
    # @param name [Symbol, String]
    # @yield with the arguments that were submitted; in a worker process copies of them, by Marshal
    # @return [Symbol] the name
    # @raise [InvalidStateError] another block has this name
    #
    # @example
    #   Cfutures.register(:shout) { |text| text.upcase }
    def register(name, &block)
      raise InvalidArgumentError, "there is no block" unless block

      Registry.add(name.to_sym, block)
    end
  end

  # @api private
  module Registry
    @blocks = {}
    @lock = Mutex.new

    class << self
      def add(name, block)
        @lock.synchronize do
          known = @blocks[name]
          # The same file may be loaded twice.
          unless known.nil? || known.source_location == block.source_location
            raise InvalidStateError, "another block is registered as #{name}, at #{known.source_location.join(":")}"
          end

          @blocks[name] = block
        end
        name
      end

      def fetch(name)
        @lock.synchronize { @blocks[name.to_sym] } or
          raise UnknownFunctionError, "no block is registered as #{name}"
      end

      # The files that a worker loads to know all blocks.
      def files
        @lock.synchronize { @blocks.values }.map { |block| file_of(block) }.uniq
      end

      private

      def file_of(block)
        file = File.expand_path(block.source_location.first)
        return file if File.file?(file)

        raise InvalidStateError, "worker processes cannot load #{block.source_location.first}, where a block is " \
                                 "registered: write it into a file"
      end
    end
  end

  # @api private
  # Calls of named blocks as bytes, and back. What a future reads a Ruby result with.
  class Call
    MARK = "\n\x01"
    UNKNOWN = -19
    # The library takes so many bytes of a message.
    MOST = 64 << 10
    MOST_TEXT = 16 << 10
    private_constant :MARK, :UNKNOWN, :MOST, :MOST_TEXT

    attr_reader :name

    def initialize(name)
      @name = name.to_sym
    end

    def dump(arguments, keywords)
      Marshal.dump([@name, arguments, keywords])
    end

    # Results are of any size.
    def size = nil

    def decode(bytes)
      Marshal.load(bytes) # rubocop:disable Security/MarshalLoad
    end

    # The exception that the block raised, if the error is that of one.
    def exception_of(error)
      return error unless error.is_a?(TaskFailedError)
      return UnknownFunctionError.new(error.message) if error.code == UNKNOWN

      text, mark, packed = error.message.partition(MARK)
      return error if mark.empty?

      restored(packed) || TaskFailedError.new(text, code: error.code)
    end

    # What {#exception_of} reads: the exception, or where Marshal cannot carry it or it is long, its text.
    def self.message_of(exception)
      text = Error.text_of(exception).byteslice(0, MOST_TEXT).scrub
      message = "#{text}#{MARK}#{[Marshal.dump(exception)].pack("m0")}"
      message.bytesize > MOST ? text : message
    rescue StandardError
      text
    end

    def inspect
      ":#{@name}"
    end

    private

    # nil where this program does not know the class.
    def restored(packed)
      Marshal.load(packed.unpack1("m0")) # rubocop:disable Security/MarshalLoad
    rescue ArgumentError, TypeError, NameError
      nil
    end
  end
end
