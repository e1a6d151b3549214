# frozen_string_literal: true

# A Ruby process that a test drives: it reads a line of JSON, {"id":1,"code":"Resque.size(arg)","arg":"mail"}, runs the
# code with `arg` bound, and answers {"id":1,"value":3} or {"id":1,"error":"Class: message"}. It ends at the end of its
# input, together with the workers it started, so nothing of it outlives the test.
#
#   ruby driver.rb redis://127.0.0.1:6379
require 'json'
require 'resque'
require 'resque/failure/multiple'
require 'resque/failure/redis'
require 'resque/failure/redis_multi_queue'
require_relative 'jobs'

REDIS_URL = ARGV.fetch(0)
Resque.redis = REDIS_URL

# The answers' own way out: what Resque prints goes to stderr.
ANSWERS = $stdout.dup
$stdout.reopen($stderr)
ANSWERS.sync = true
WORKERS = []

# What a test may say, beside Resque's own words.
module Driver
  module_function

  # A Ruby worker as it is, in a process of its own; only Ruby's start is spared. Gives its pid.
  def start_worker(*queues, interval: 0.05, term_child: false)
    pid = Process.fork do
      ANSWERS.close
      $stdin.reopen(File::NULL)
      ARGV.clear
      Resque.redis = REDIS_URL
      worker = Resque::Worker.new(*queues)
      worker.term_child = term_child
      worker.work(interval)
      exit!(0)
    end
    WORKERS << pid
    pid
  end

  # Waits for a worker's end; gives its exit status, or the number of the signal that killed it, below zero.
  def wait(pid)
    _, status = Process.wait2(pid)
    WORKERS.delete(pid)
    status.exitstatus || -status.termsig
  end

  # Works until the queues are empty.
  def work(*queues)
    wait(start_worker(*queues, interval: 0))
  end

  # Starts a worker and stops it as soon as it is registered: all of its start-up, pruning included, has been done.
  def start_and_stop(*queues)
    pid = start_worker(*queues)
    registered = -> { Resque.redis.smembers('workers').any? { |id| id.split(':')[1] == pid.to_s } }
    wait_until(registered)
    Process.kill('QUIT', pid)
    wait(pid)
  end

  def wait_until(condition, seconds = 15)
    limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    until condition.call
      raise 'It took too long.' if Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit

      sleep 0.005
    end
    true
  end
end

def answer(line)
  request = JSON.parse(line)
  scope = Driver.instance_eval { binding }
  scope.local_variable_set(:arg, request['arg'])
  { id: request['id'], value: scope.eval(request['code'], "code of the test: #{request['code']}") }
rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it is, the test shall see it
  { id: request && request['id'], error: "#{e.class}: #{e.message}", trace: e.backtrace&.first(8) }
end

begin
  ANSWERS.puts JSON.generate(
    value: { ruby: RUBY_VERSION, resque: Resque::VERSION, redis: Redis::VERSION, pid: Process.pid }
  )
  while (line = $stdin.gets)
    ANSWERS.puts JSON.generate(answer(line))
  end
ensure
  WORKERS.each do |pid|
    Process.kill('KILL', pid)
  rescue Errno::ESRCH
    nil
  end
end
