# frozen_string_literal: true

# Real ActiveJobs, one for each kind of argument that ActiveJob tags, enqueued through its Resque adapter. Ids and times
# are fixed, so that the envelopes are the same in every run: they are the fixtures in ../fixtures/active-job.
require 'active_job'
require 'active_job/queue_adapters/resque_adapter'
require 'active_support/all'
require 'active_support/testing/time_helpers'
require 'bigdecimal'
require 'globalid'

GlobalID.app = 'shop'
Time.zone = 'UTC'
ActiveJob::Base.queue_adapter = :resque
ActiveJob::Base.logger = nil

# A model: what matters is its URI.
class Order
  include GlobalID::Identification
  attr_reader :id

  def initialize(id)
    @id = id
  end

  def self.find(id)
    new(id)
  end
end

# A value with a serializer of the application's own.
Money = Struct.new(:cents, :currency)

class MoneySerializer < ActiveJob::Serializers::ObjectSerializer
  def serialize(money)
    super('cents' => money.cents, 'currency' => money.currency)
  end

  def deserialize(hash)
    Money.new(hash['cents'], hash['currency'])
  end

  private

  def klass
    Money
  end
end
ActiveJob::Serializers.add_serializers(MoneySerializer)

class SampleJob < ActiveJob::Base
  queue_as :mailers
  def perform(*args, **options)
    Seen.push(class: self.class.name, args: [], inspect: [args, options].inspect)
  end
end

module ActiveJobSamples
  extend ActiveSupport::Testing::TimeHelpers

  AT = Time.utc(2026, 1, 2, 3, 4, 5, 678_000)
  ZONE = ActiveSupport::TimeZone['Europe/Prague']

  # Name => the arguments of perform_later.
  ALL = {
    'plain' => -> { [1, 1.5, 'text', true, nil, [1, [2]], 2**64] },
    'symbol' => -> { [:shipped] },
    'hash-string-keys' => -> { [{ 'a' => 1, 'b' => { 'c' => [] } }, 1] },
    'hash-symbol-keys' => -> { [{ a: 1, b: { c: :d } }, 1] },
    'hash-mixed-keys' => -> { [{ a: 1, 'b' => 2 }, 1] },
    'hash-indifferent-access' => -> { [ActiveSupport::HashWithIndifferentAccess.new(a: 1), 1] },
    'date' => -> { [Date.new(2026, 1, 2)] },
    'date-time' => -> { [DateTime.new(2026, 1, 2, 3, 4, 5, '+02:00')] },
    'time' => -> { [AT, Time.new(2026, 1, 2, 3, 4, 5, '+02:00')] },
    'time-with-zone' => -> { [AT.in_time_zone(ZONE)] },
    'duration' => -> { [2.days + 3.hours, 90.seconds] },
    'big-decimal' => -> { [BigDecimal('12.340')] },
    'module' => -> { [Order, Comparable] },
    'range' => -> { [1..5, ('a'...'d'), (Date.new(2026, 1, 2)..)] },
    'global-id' => -> { [Order.new(44), { order: Order.new(45) }, 1] },
    'own-serializer' => -> { [Money.new(1999, 'EUR')] }
  }.freeze

  module_function

  # A job as perform_later makes it, with what would differ from run to run fixed.
  def job(name, *args, **options)
    SampleJob.new(*args, **options).tap { |job| job.job_id = format('00000000-0000-4000-8000-%012d', name.sum) }
  end

  def enqueue_all
    extend ActiveSupport::Testing::TimeHelpers
    travel_to(AT) do
      ALL.each { |name, args| job(name, *args.call).enqueue(queue: name) }
      job('keyword-arguments', 1, name: 'Al', at: Date.new(2026, 1, 2)).enqueue(queue: 'keyword-arguments')
      job('priority', 1).enqueue(queue: 'priority', priority: 10)
      retried = job('retried', 1)
      retried.executions = 2
      retried.exception_executions = { '[ArgumentError]' => 2 }
      retried.enqueue(queue: 'retried')
    end
    ALL.keys + %w[keyword-arguments priority retried]
  end
end
