# frozen_string_literal: true

# Tests numbers in worker processes: by a C function, and by Ruby. Each worker has a Ruby of its own, so that these
# compute side by side as well.

require "cfutures"

NUMBERS = [
  112_272_535_095_293, 112_582_705_942_171, 112_272_535_095_293, 115_280_095_190_773, 115_797_848_077_099,
  1_099_726_899_285_419
].freeze

Cfutures.register(:prime?) do |n|
  n == 2 || (n > 2 && n.odd? && 3.step(Integer.sqrt(n), 2).none? { |divisor| (n % divisor).zero? })
end

if __FILE__ == $PROGRAM_NAME
  tasks = Cfutures::Library.new(ENV.fetch("CFUTURES_TASKS"))
  is_prime = tasks.task(:tasks_is_prime, takes: "q", gives: "C")

  Cfutures::ProcessPool.open do |pool|
    pool.map(is_prime, NUMBERS).zip(NUMBERS) do |prime, number|
      puts "#{number} is prime: #{prime == 1}"
    end
    small = (1..10_000).to_a
    in_ruby = pool.map(:prime?, small).count(true)
    in_c = pool.map(is_prime, small).sum
    puts "up to 10000: #{in_ruby} by Ruby, #{in_c} by C"
  end
end
