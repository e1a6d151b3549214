// Strikes processes, one after the other, at random moments: children of workers that are idle, busy or just starting.

import { setTimeout as sleep } from 'node:timers/promises'
import { childrenOf } from './proc.js'
import type { Random } from './random.js'

export interface KillerOptions {
  random: Random
  /** The pids that may be struck now. */
  victims(): number[]
  /** How many may have been killed by now: it grows with the work, so that a slow machine gets something done too. */
  budget(): Promise<number>
  /** Default: SIGKILL. */
  strike?(pid: number): Promise<void>
}

/** The children of these processes that live. */
export function childrenOfAll(parents: number[]): number[] {
  const children = parents.flatMap(childrenOf)
  return children.filter(({ isZombie }) => !isZombie).map(({ pid }) => pid)
}

/** Stops a process for a while, as a busy machine or a debugger may. */
export async function standStill(pid: number, ms: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await sleep(ms)
  process.kill(pid, 'SIGCONT')
}

async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL')
}

export class Killer {
  readonly #done: Promise<void>
  #isStopped = false
  #strikes = 0

  /** Begins at once. */
  constructor(options: KillerOptions) {
    this.#done = this.#run(options)
  }

  /** Resolves to how many were struck. */
  async stop(): Promise<number> {
    this.#isStopped = true
    await this.#done
    return this.#strikes
  }

  async #run({ random, victims, budget, strike = kill }: KillerOptions): Promise<void> {
    while (!this.#isStopped) {
      await sleep(random.between(1, 100))
      if (this.#strikes >= (await budget())) continue
      const pids = victims()
      if (pids.length === 0) continue
      try {
        await strike(random.pick(pids))
        this.#strikes++
      } catch {
        // It ended by itself, between the look and the blow.
      }
    }
  }
}
