# frozen_string_literal: true

# Goes on behind input that crashes its tasks: each crash costs one task and one worker, and every input is accounted
# for. Some inputs kill the process by a signal, some make it exit, some raise an exception, and one never ends.

require "cfutures"

Cfutures.register(:decode) do |input|
  case input % 10
  when 3 then Process.kill(:SEGV, Process.pid) && sleep
  when 5 then exit!(9)
  when 7 then raise ArgumentError, "malformed"
  when 9 then input == 99 ? loop { sleep } : input
  else input
  end
end

# How a task ended.
def outcome(future)
  future.value
  "decoded"
rescue Cfutures::WorkerDiedError => e
  e.signal ? "killed by SIG#{Signal.signame(e.signal)}" : "exited with #{e.exit_code}"
rescue Cfutures::CancelledError
  "endless"
rescue ArgumentError => e
  e.message
end

if __FILE__ == $PROGRAM_NAME
  Process.setrlimit(:CORE, 0)
  Cfutures::ProcessPool.open(max_workers: 2) do |pool|
    futures = pool.submit_many(:decode, 0...100)
    # All others end, whatever becomes of them.
    done = Cfutures.as_completed(futures).take(99)
    (futures - done).each(&:kill)
    futures.map { |future| outcome(future) }.tally.sort.each { |what, count| puts "#{what}: #{count}" }
    puts "the pool goes on: #{pool.submit(:decode, 2).value}"
  end
end
