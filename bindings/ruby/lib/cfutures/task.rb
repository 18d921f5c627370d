# frozen_string_literal: true

# Functions of shared libraries as tasks. Made by a program, submitted by executor.rb, read by future.rb.

module Cfutures
  # A shared library whose functions are tasks.
  #
  # @example
  #   tasks = Cfutures::Library.new("libcfutures-tasks.so")
  #   SQUARE = tasks.task(:tasks_square, takes: "q", gives: "q")
  class Library
    # @return [String] the file, as it was given
    attr_reader :path

    # Loads the library. It stays loaded.
    #
    # @param path [String] a file, or a name that the loader finds
    # @raise [LoadError] there is no such library
    def initialize(path)
      @path = path.to_s
      # ffi closes a library that it collects; tasks may run in it then.
      flags = %i[RTLD_LAZY RTLD_LOCAL RTLD_NODELETE].sum { |name| FFI::DynamicLibrary.const_get(name) }
      @library = FFI::DynamicLibrary.open(@path, flags)
    end

    # One of its functions, of the C type +cf_task_fn+.
    #
    # @param symbol [Symbol, String] the function's name
    # @param takes [String, nil] how arguments become bytes, as for +Array#pack+; nil: the argument is a String
    # @param gives [String, nil] what the bytes of the result are, as for +String#unpack+: of one value that value,
    #   else an Array; nil: the result is a binary String
    # @return [Task]
    # @raise [UnknownFunctionError] the library has no such function
    def task(symbol, takes: nil, gives: nil)
      function = @library.find_function(symbol.to_s)
      raise UnknownFunctionError, "#{@path} has no function #{symbol}" unless function

      Task.new(self, symbol, function, takes, gives)
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{@path}>"
    end
  end

  # A C function that pools run, made by {Library#task}.
  class Task
    # @return [Symbol] the function's name
    attr_reader :name

    # @api private
    # @return [FFI::Pointer]
    attr_reader :function

    # What is one number of a fixed size, as the processor has it.
    NUMBERS = {
      "c" => FFI::Type::INT8, "C" => FFI::Type::UINT8, "s" => FFI::Type::INT16, "S" => FFI::Type::UINT16,
      "l" => FFI::Type::INT32, "L" => FFI::Type::UINT32, "q" => FFI::Type::INT64, "Q" => FFI::Type::UINT64,
      "d" => FFI::Type::DOUBLE, "f" => FFI::Type::FLOAT
    }.freeze
    private_constant :NUMBERS

    # @api private
    # @return [Integer, nil] the bytes of a result that {#number} can read
    attr_reader :size

    # @api private
    def initialize(library, name, function, takes, gives)
      @library = library
      @name = name.to_sym
      @function = function
      @takes = takes&.dup&.freeze
      @gives = gives&.dup&.freeze
      @number = NUMBERS[@gives]
      @size = @number&.size
      freeze
    end

    # @api private
    # The bytes of an argument.
    def pack(values)
      return values.pack(@takes) if @takes
      raise InvalidArgumentError, "#{name} takes one String of bytes" unless values.size <= 1

      values.empty? ? "" : String(values.first)
    end

    # @api private
    # The bytes of the arguments of many calls: side by side if all have the same size, else an Array.
    def pack_all(items)
      return items.pack("#{@takes}*") if NUMBERS.key?(@takes) && items.none?(Array)

      arguments = items.map { |item| pack(item.is_a?(Array) ? item : [item]) }
      arguments.map(&:bytesize).uniq.size > 1 ? arguments : arguments.join
    end

    # @api private
    # The value that stands in memory as the bytes of a result.
    def number(memory)
      memory.get(@number, 0)
    end

    # @api private
    # The value that a result's bytes are.
    def decode(bytes)
      return bytes unless @gives

      values = bytes.unpack(@gives)
      values.size == 1 ? values.first : values
    end

    # @api private
    # The exception for an error of the task.
    def exception_of(error)
      error
    end

    # @api private
    # How another process finds the function.
    def place
      [@library.path, @name]
    end

    # @return [String]
    def inspect
      "#<#{self.class} #{name} of #{@library.path}>"
    end
  end
end
