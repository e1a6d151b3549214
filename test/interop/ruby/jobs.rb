# frozen_string_literal: true

# The Ruby side of the jobs that both sides know: same names, same queues as in ../support/jobs.mjs. What a job saw it
# appends to the list interop:seen; what it waits for is a key, so that a test decides when it ends.
module Seen
  def self.push(entry)
    Resque.redis.redis.rpush('interop:seen', JSON.generate({ by: 'ruby', pid: Process.pid }.merge(entry)))
  end
end

# Says what it was given.
class Echo
  @queue = :echo
  def self.perform(*args)
    Seen.push(class: name, args: args, inspect: args.inspect)
  end
end

# Another class on the same queue.
class Other < Echo
  @queue = :echo
end

# Fails, and says with what.
class Boom
  @queue = :boom
  def self.perform(*args)
    raise ArgumentError, "boom with #{args.size}"
  end
end

# Is killed while it works, if it has a process of its own.
class Killed
  @queue = :killed
  def self.perform(*)
    Process.kill('KILL', Process.pid)
    sleep
  end
end

# Works until the test lets it go.
class Hold
  @queue = :hold
  def self.perform(*args)
    Seen.push(class: name, args: args)
    sleep 0.02 until Resque.redis.redis.exists?('interop:release')
  end
end
