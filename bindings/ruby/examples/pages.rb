# frozen_string_literal: true

# Fetches pages on threads, all at once, and takes each as it arrives: what waits for the network does not hold up the
# others. The server is a part of this program, so that it needs no network; it answers for one page late on purpose.

require "cfutures"
require "net/http"
require "socket"

PAGES = { "/late" => 40_000, "/first" => 1_000, "/second" => 20_000, "/missing" => nil }.freeze

# Answers one request on a connection. The late page waits until all others have been taken.
def answer(client, others)
  path = client.gets.split[1]
  nil until client.gets.chomp.empty?
  size = PAGES[path]
  Array.new(PAGES.size - 1) { others.pop } if path == "/late"
  client.write(size ? "HTTP/1.0 200 OK\r\n\r\n#{"x" * size}" : "HTTP/1.0 404 Not Found\r\n\r\n")
  client.close
end

server = TCPServer.new("127.0.0.1", 0)
others = Queue.new
Thread.new { loop { Thread.new(server.accept) { |client| answer(client, others) } } }

fetch = lambda do |path|
  response = Net::HTTP.get_response("127.0.0.1", path, server.addr[1])
  response.value # raises what is no success
  response.body.size
end

Cfutures::ThreadPool.open(max_workers: PAGES.size) do |pool|
  paths = PAGES.keys.to_h { |path| [pool.submit(path, &fetch), path] }
  arrived = Cfutures.as_completed(paths.keys).map do |future|
    others.push(future)
    paths[future]
  end
  puts "the last to arrive: #{arrived.last}"
  paths.each do |future, path|
    puts "#{path}: #{future.error ? future.error.message : "#{future.value} bytes"}"
  end
end
