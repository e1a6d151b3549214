// @ts-check
// What runs inside a measured process. It loads one adapter and one task, says `ready`, works when
// told `go`, and reports. The harness' side is `child-process.js`.

/** @typedef {import('./child-process.js').ChildSpec} ChildSpec */

const spec = /** @type {ChildSpec} */ (JSON.parse(process.argv[2] ?? ''))

// The harness is gone: nobody reads the result, and nobody else ends this process.
process.on('disconnect', () => process.exit(1))
process.on('uncaughtException', report)
process.on('unhandledRejection', report)

/**
 * A process that failed has nothing more to measure.
 * @param {unknown} error
 */
function report(error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.send?.({ error: text }, () => process.exit(1))
}

/** @param {unknown} error */
function failToEnd(error) {
  console.error(error)
  process.exit(1)
}

try {
  const adapter = await import(`./adapters/${spec.adapter}.js`)
  const { prepare } = await import(`./tasks/${spec.task}.js`)
  const task = await prepare(adapter, spec)
  const go = async () => process.send?.({ result: await task.go() })
  const end = async () => {
    await task.end?.()
    process.exit(0)
  }
  process.on('message', (/** @type {'go' | 'end'} */ order) => {
    if (order === 'go') go().catch(report)
    else end().catch(failToEnd)
  })
  process.send?.({ ready: true })
} catch (error) {
  report(error)
}
