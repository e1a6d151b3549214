// One replay of one recording: the client, the workers and the comparisons of its steps, and the clearing away.

import type { Redis } from 'ioredis'
import { channels, type FailureBackend, type JobStartedEvent, Resque } from 'resque-ts'
import { Worker, type WorkerOptions } from 'resque-ts/worker'
import { expect } from 'vitest'
import type { RedisServer } from '../../support/redis-server.js'
import { WAKE } from '../jobs.mjs'
import { idOf } from './ids.js'
import { readKeyspace } from './keyspace.js'
import { mask } from './mask.js'
import { jobsAlone } from './modules.js'
import { type Keyspace, type Recording, readRecording } from './recording.js'
import { AFTER, expectedKeys, expectedResult, type Scenario } from './scenario.js'
import { until } from './until.js'
import { spawnWorker, type WorkerProcess, type WorkerProcessOptions } from './worker-process.js'

/** How the recordings name what a worker process ended with. In the test's own process there is no such thing. */
const EXIT = 'worker exit status'

export class Run {
  readonly resque: Resque
  /** A connection of the test's own, for what Redis is to hold before. */
  readonly redis: Redis
  /** Those that are masked, in the order of the recording. */
  readonly pids: number[] = []
  /** The payloads that workers in this process were given, in order. */
  readonly performed: string[] = []
  readonly #server: RedisServer
  readonly #scenario: Scenario
  readonly #recording: Recording
  readonly #workers: Worker[] = []
  readonly #processes: WorkerProcess[] = []
  readonly #compared = new Set<string>()
  readonly #startedAt = performance.now()

  constructor(server: RedisServer, scenario: Scenario) {
    this.#server = server
    this.#scenario = scenario
    this.#recording = readRecording(scenario.recording)
    this.redis = server.client
    this.resque = this.client()
    channels.jobStarted.subscribe(this.#onJob)
  }

  readonly #onJob = (event: unknown): void => {
    this.performed.push((event as JobStartedEvent).payload)
  }

  /** A client of its own failure backend. */
  client(failureBackend?: FailureBackend): Resque {
    return new Resque({ redis: this.#server.url, ...(failureBackend && { failureBackend }) })
  }

  /** A worker in this process, on `default` unless told otherwise. */
  worker(options: Omit<WorkerOptions, 'resque' | 'queues'> & Partial<WorkerOptions>): Worker {
    const worker = new Worker({
      resque: this.resque,
      queues: 'default',
      isolation: this.#scenario.isolation ?? 'none',
      jobsPerChild: 1,
      require: jobsAlone,
      ...options,
    })
    this.#workers.push(worker)
    if (!this.pids.includes(process.pid)) this.pids.push(process.pid)
    return worker
  }

  /** Lets a worker work until its queues are empty, as Ruby's does with INTERVAL=0. */
  async workUntilEmpty(options: Parameters<Run['worker']>[0]): Promise<void> {
    const worker = this.worker({ ...options, untilEmpty: true })
    await worker.start()
    await worker.stopped
  }

  /** A worker in a process of its own, for what signals do. */
  spawn(options: WorkerProcessOptions): WorkerProcess {
    const worker = spawnWorker({ isolation: this.#scenario.isolation ?? 'none', ...options })
    this.#processes.push(worker)
    this.pids.push(worker.pid)
    return worker
  }

  /** Resolves when a worker process is registered; `queues` are those of its id. */
  async registers({ pid }: WorkerProcess, queues = 'default'): Promise<void> {
    const started = `resque:worker:${idOf(pid, queues)}:started`
    await until('the worker to register', () => this.redis.exists(started))
  }

  /** Resolves when a worker process, on `default`, runs a job of this class. */
  async jobRuns({ pid }: WorkerProcess, name: string): Promise<void> {
    const record = () => this.redis.get(`resque:worker:${idOf(pid, 'default')}`)
    const runs = async () => (await record())?.includes(`"class":"${name}"`)
    await until(`${name} to run`, runs)
  }

  /** The pid of the child that performs the job, which is masked from now on; 0 where there are no children. */
  async knowsChild(worker: WorkerProcess): Promise<number> {
    if (this.#scenario.isolation !== 'process') return 0
    const pid = await worker.firstChild()
    this.pids.push(pid)
    return pid
  }

  /** Wakes a sleeping job. */
  async wakeJob(): Promise<void> {
    await this.redis.rpush(WAKE, 'wake')
    await until('the job to wake up', async () => (await this.redis.exists(WAKE)) === 0)
  }

  /** A text as the recordings would show it. */
  masked(text: string): string {
    return mask(text, this.pids)
  }

  /** Compares the keyspace as it is now with the snapshot of that name. */
  async snapshot(name: string): Promise<void> {
    const recorded = this.#recording.snapshots?.[name]
    if (!recorded) throw new Error(`${this.#scenario.recording} has no snapshot "${name}".`)
    await this.#compare(recorded, name)
  }

  /** Compares what a call gave with what Ruby's gave. */
  result(call: string, value: unknown): void {
    const recorded = this.#recording.results?.find((result) => result.call === call)
    if (!recorded) throw new Error(`${this.#scenario.recording} has no result of "${call}".`)
    this.#compared.add(call)
    expect(value, call).toEqual(expectedResult(recorded.value, this.#scenario, call))
  }

  /** Compares how a process ended with how Ruby's did. */
  async exits(worker: WorkerProcess): Promise<void> {
    const { status, signal } = await worker.ended
    // Ruby gives a signal by its number; the recordings know SIGKILL alone.
    this.result(EXIT, {
      exited: signal === null,
      exitstatus: status,
      termsig: signal === 'SIGKILL' ? 9 : null,
    })
  }

  /** Checks that Ruby's worker showed the same title of its process. */
  title(ours: string): void {
    const masked = ours.replace(/since \d+/, 'since <UNIX>')
    const lines = Object.values(this.#recording.workerLog ?? {}).flat()
    expect(lines.map((line) => line.replace(/^\*\* \[.*?\] <PID1>: /, ''))).toContain(masked)
  }

  /** Compares what the hooks of a worker process printed with what those of Ruby's printed. */
  hooks(ours: readonly string[]): void {
    const lines = Object.values(this.#recording.workerLog ?? {}).flat()
    const recorded = lines.filter((line) => line.startsWith('HOOK '))
    expect(ours, 'the hooks').toEqual(expectedResult(recorded, this.#scenario, 'hooks'))
  }

  /** Compares the keyspace with the recording's end. For a scenario that goes on from there. */
  async after(): Promise<void> {
    await this.#compare(this.#recording.keysAfter, AFTER)
  }

  /** The last comparison, and that nothing recorded was left out. */
  async finish(): Promise<void> {
    if (!this.#compared.has(AFTER)) await this.after()
    const { uncompared = {}, recording } = this.#scenario
    const recorded = [
      ...Object.keys(this.#recording.snapshots ?? {}),
      ...(this.#recording.results ?? []).map(({ call }) => call),
    ]
    const isInProcess = this.#processes.length === 0
    const missing = recorded.filter((each) => {
      return !this.#compared.has(each) && !(each in uncompared) && !(isInProcess && each === EXIT)
    })
    expect(missing, `recorded in ${recording}, and not compared`).toEqual([])
  }

  async close(): Promise<void> {
    channels.jobStarted.unsubscribe(this.#onJob)
    await Promise.all(this.#processes.map((worker) => worker.kill()))
    await Promise.all(this.#workers.map((worker) => worker.stop({ timeoutMs: 0 })))
    await this.resque.close()
  }

  async #compare(recorded: Keyspace, moment: string): Promise<void> {
    this.#compared.add(moment)
    const ours = await readKeyspace(this.redis, (text) => this.masked(text))
    // Whether a worker of ours has waited by now depends on the moment; in the end nothing is left of it.
    if (moment !== AFTER) delete ours['resque:hands']
    const expected = expectedKeys(recorded, this.#scenario, moment)
    expect(withoutTtl(ours), moment).toEqual(withoutTtl(expected))
    for (const [name, { ttl }] of Object.entries(expected)) {
      const what = `the time to live of ${name} (${moment})`
      const ourTtl = ours[name]?.ttl
      if (ttl === undefined) expect(ourTtl, what).toBeUndefined()
      else {
        // Ruby's steps and ours take their time.
        expect(ourTtl, what).toBeLessThanOrEqual(ttl + 6)
        expect(ourTtl, what).toBeGreaterThanOrEqual(ttl - 6 - (performance.now() - this.#startedAt) / 1_000)
      }
    }
  }
}

function withoutTtl(keys: Keyspace): object {
  return Object.fromEntries(Object.entries(keys).map(([name, { type, value }]) => [name, { type, value }]))
}
