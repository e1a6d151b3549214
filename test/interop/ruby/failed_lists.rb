# Failures in a list per queue, for resque-web: what an application says in its own configuration.
require 'resque/failure/redis_multi_queue'

Resque::Failure.backend = Resque::Failure::RedisMultiQueue
