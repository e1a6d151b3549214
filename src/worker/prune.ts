/**
 * Finding workers that died, and bringing their jobs to safety (protocol 6.7; what differs is in docs/internals.md).
 *
 * Any live worker does it, on Redis' clock. A worker of ours is judged by its own rhythm, which stands recorded
 * beside it, and its job goes back to the head of its queue, or to failed where the job or its history says so.
 * A Ruby worker is judged by Ruby's rule alone, under Ruby's lock, and its job goes to failed as Ruby has it.
 */
import { rubyRhythm } from '../config.js'
import type { Logger } from '../context.js'
import { CommandError, DirtyExit, messageOf, PruneDeadWorkerDirtyExit, wireNameOf } from '../errors.js'
import { channels } from '../events.js'
import { entriesOf, type FailureBackend } from '../failure/backend.js'
import { hooksOf, runFailureHooks } from '../hooks.js'
import { type AnyJob, readJob } from '../job.js'
import { type OpenHand, workerOf } from '../store/hands.js'
import { deathField, readWorkingRecordBytes, type WorkingRecord } from '../store/records.js'
import type { Store } from '../store/store.js'
import type { Burial, Census, Verdict, WorkerKind } from '../store/workers.js'
import { SEALED_MS } from './hand.js'

export interface PruneOptions {
  store: Store
  /** The worker that looks. */
  workerId: string
  failureBackend: FailureBackend
  /** For the failure hooks of jobs that go to failed. */
  jobs: ReadonlyMap<string, AnyJob>
  maxDeaths: number
  log: Logger
  /** The ids of the process that looks: it lives. */
  own?: readonly string[]
  /** For how long it has been in touch with Redis without a break. Default: long enough. */
  inTouchMs?: () => number
}

/** Looks once. Resolves to what was done, by worker id. */
export async function prune(options: PruneOptions): Promise<Map<string, Verdict>> {
  const { store, workerId, log, own, inTouchMs } = options
  const census = await store.workers.census()
  const verdicts = new Map<string, Verdict>()
  const judgesRuby = await store.workers.takeRubyPruneLock(workerId, rubyRhythm.heartbeatSeconds)
  for (const id of deadWorkers(census, judgesRuby)) {
    const kind = census.kinds.get(id)
    // While Redis was not to be reached, nobody could show that he lives: that it is silent now says nothing yet.
    if (own?.includes(id) || (kind && inTouchMs && inTouchMs() < kind.deadAfterMs)) continue
    let verdict: Verdict
    try {
      verdict = await buryDead(options, id, census.heartbeats.get(id) as string, kind)
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      // Its queue, or the failed list, is something else than a list. The others are not to wait for it.
      log.error({ err: error, workerId: id }, `Dead worker ${id} cannot be pruned yet: ${messageOf(error)}`)
      continue
    }
    verdicts.set(id, verdict)
    if (verdict === 'changed') continue
    log.warn({ workerId: id, verdict }, `Pruned dead worker ${id}: ${sentences[verdict]}.`)
    if (channels.worker.hasSubscribers)
      channels.worker.publish({ workerId: id, event: 'recovered', detail: verdict })
  }
  for (const id of census.kinds.keys()) {
    // Alive once, and somebody deleted its heartbeat: its clock starts now.
    if (census.registered.has(id) && !census.heartbeats.has(id))
      await store.workers.startClock(id, census.now)
  }
  await buryHands(options, census)
  const gone = [...census.kinds.keys()].filter(
    (id) => !census.registered.has(id) && !census.heartbeats.has(id),
  )
  await store.workers.forgetKinds(gone)
  return verdicts
}

const sentences: Record<Verdict, string> = {
  changed: 'it moved meanwhile',
  removed: 'it held no job',
  requeued: 'its job is at the head of its queue again',
  failed: 'its job went to failed',
  parked: 'its job has killed too many workers and went to failed',
}

/** The ids whose last heartbeat is too old, by the rule of their kind. */
function deadWorkers({ now, heartbeats, kinds }: Census, judgesRuby: boolean): string[] {
  const dead: string[] = []
  for (const [id, heartbeat] of heartbeats) {
    const at = Date.parse(heartbeat) / 1_000
    // What is no time cannot be judged; Ruby raises at it.
    if (Number.isNaN(at)) continue
    const kind = kinds.get(id)
    const limit = kind ? kind.deadAfterMs / 1_000 : rubyRhythm.deadAfterSeconds
    if (now - at > limit && (kind || judgesRuby)) dead.push(id)
  }
  return dead
}

async function buryDead(
  options: PruneOptions,
  id: string,
  heartbeat: string,
  kind: WorkerKind | undefined,
): Promise<Verdict> {
  const { store } = options
  const record = await store.workers.record(id)
  const job = record && readWorkingRecordBytes(record)
  const burial: Burial = { id, record, heartbeat }
  if (job) burial.job = await fateOf(options, id, job, kind)
  return store.workers.bury(burial)
}

/** What was being handed to a worker that is registered no more may have begun: it is judged as the job of one that died. */
async function buryHands(options: PruneOptions, census: Census): Promise<void> {
  const { store, own, log } = options
  for (const open of await store.hands.orphans()) {
    const id = workerOf(open.hand)
    if (own?.includes(id)) continue
    try {
      await buryHand(options, open, census.kinds.get(id))
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      log.error(
        { err: error, workerId: id },
        `What was being handed to dead worker ${id} stays: ${messageOf(error)}`,
      )
    }
  }
}

async function buryHand(options: PruneOptions, open: OpenHand, known: WorkerKind | undefined): Promise<void> {
  const { store, jobs, log } = options
  const { hand, queue } = open
  const payload = await store.hands.content(open)
  if (payload === undefined) {
    await store.hands.close(open, SEALED_MS)
    return
  }
  const id = workerOf(hand)
  const kind = known ?? { process: id, deadAfterMs: 0, failOnDeath: failOnDeath(jobs) }
  const job = await fateOf(options, id, { queue, payload, run: hand }, kind)
  const sealed = { name: hand, sealedMs: SEALED_MS }
  const verdict = await store.workers.bury({ id, record: undefined, heartbeat: undefined, hand: sealed, job })
  log.warn(
    { workerId: id, queue, verdict },
    `A job was being handed to dead worker ${id}: ${sentences[verdict]}.`,
  )
}

/** The names of the jobs that are not tried again when their worker dies. */
export function failOnDeath(jobs: ReadonlyMap<string, AnyJob>): string[] {
  return [...jobs.values()].filter((job) => job.onWorkerDeath === 'fail').map((job) => job.name)
}

async function fateOf(
  options: PruneOptions,
  id: string,
  job: Pick<WorkingRecord, 'queue' | 'payload' | 'run'>,
  kind: WorkerKind | undefined,
) {
  const { failureBackend, log, maxDeaths } = options
  const { queue, payload } = job
  const parsed = readJob(payload)
  const name = parsed instanceof Error ? '<Unknown Job>' : parsed.class
  const fate: 'requeue' | 'fail' = kind && !kind.failOnDeath.includes(name) ? 'requeue' : 'fail'
  let error: unknown =
    fate === 'requeue'
      ? new DirtyExit(
          `${name} has killed its worker ${maxDeaths} times; it is parked here instead of being tried again.`,
        )
      : new PruneDeadWorkerDirtyExit(`Worker ${id} did not gracefully exit while processing ${name}`)
  const definition = parsed instanceof Error ? undefined : options.jobs.get(parsed.class)
  if (
    fate === 'fail' &&
    definition &&
    !(parsed instanceof Error) &&
    hooksOf(definition).onFailure.length > 0
  ) {
    error = await runFailureHooks(
      definition,
      error,
      parsed.args,
      `(Job{${queue}} | ${name} | ${JSON.stringify(parsed.args)})`,
    )
  }
  const failure = {
    failedAt: new Date(),
    payload,
    exception: wireNameOf(error),
    error: messageOf(error),
    backtrace: [],
    worker: id,
    queue,
  }
  const entries = await entriesOf(failureBackend, failure, log)
  return {
    fate,
    queue,
    payload,
    deathField: deathField(queue, payload),
    maxDeaths,
    process: job.run?.split('.')[0],
    entries,
  }
}
