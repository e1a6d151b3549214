// Makes pages pleasanter that work without it: times that go on, confirmations in a dialog. It never builds markup
// from text: what it shows are nodes that the server has made, or text.

const minute = 60_000

// The server's words for time, `ago` and `duration` of views/text.ts: the build puts them here.

/** Server and browser may disagree about the time: what counts is how long this page has been open. */
const openedAt = Date.now()

function retime() {
  const now = Date.now()
  // Fresh pages keep the server's words; they are taken over once they have aged.
  if (now - openedAt <= 5_000) return
  for (const time of document.querySelectorAll('time[data-relative]')) {
    const text = ago(now - Date.parse(time.dateTime))
    if (time.textContent !== text) time.textContent = text
  }
}

/** Made with the first moment that is asked for: it costs as much as all the rest of this script. */
let local

/** The exact time in the reader's own zone too, for who points at one, touches it, or comes to it by keys. */
function localise({ target }) {
  const time = target instanceof Element && target.closest('time[data-relative]')
  if (!time || time.title.includes(' · ')) return
  local ??= new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' })
  time.title = `${time.title} · ${local.format(new Date(time.dateTime))}`
}

document.addEventListener('pointerover', localise)
document.addEventListener('focusin', localise)

/** Something has come onto the page: what decorates pages does it there too. */
function shown(root) {
  document.dispatchEvent(new CustomEvent('resque:shown', { detail: root }))
}

document.addEventListener('resque:shown', ({ detail }) => {
  // One of many moments: the page is not gone through for each.
  if (detail.matches?.('time')) {
    detail.textContent = ago(Date.now() - Date.parse(detail.dateTime))
    return
  }
  retime()
  addCopies(detail)
  wireSelection(detail)
})

/** Where the tabs do not fit, the one that is open is seen. */
function showTab() {
  const tab = document.querySelector('.tabs [aria-current]')
  if (!tab) return
  const { parentElement: tabs } = tab
  tabs.scrollLeft = tab.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2
}

showTab()
setInterval(() => document.hidden || retime(), minute / 6)

/** Loads a page and gives its document. XHR parses it without running anything. */
function load(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('GET', url)
    request.responseType = 'document'
    request.timeout = 10_000
    request.onload = () =>
      request.status === 200 ? resolve(request.response) : reject(new Error(`${request.status}`))
    request.onerror = request.ontimeout = () => reject(new Error('unreachable'))
    request.send()
  })
}

/** What is new is shown where the old was, when its reader asks for it. */
document.addEventListener('resque:show', async () => {
  const main = document.querySelector('main')
  let fresh
  try {
    fresh = (await load(location.href)).querySelector('main')
  } catch {
    fresh = null
  }
  if (!fresh) {
    location.reload()
    return
  }
  main.replaceChildren(...document.adoptNode(fresh).childNodes)
  shown(main)
  document.dispatchEvent(new CustomEvent('resque:replaced'))
  main.focus({ preventScroll: true })
})

/** Opens the confirm page behind a form or link as a dialog; where that fails, the page itself opens. */
async function confirmInDialog(url, opener) {
  let box
  try {
    box = (await load(url)).querySelector('[data-confirm-box]')
  } catch {
    box = null
  }
  if (!box) {
    location.assign(url)
    return
  }
  const { activeElement } = document
  const before = activeElement && activeElement !== document.body ? activeElement : opener
  const dialog = document.createElement('dialog')
  dialog.setAttribute('aria-labelledby', 'confirm-title')
  dialog.append(document.adoptNode(box))
  dialog.addEventListener('close', () => {
    dialog.remove()
    // What it was opened from may be gone by now.
    const back = before?.isConnected ? before : document.querySelector('main')
    back?.focus({ preventScroll: true })
  })
  dialog.addEventListener('click', (event) => {
    const isCancel = event.target instanceof Element && event.target.closest('[data-cancel]')
    if (!isCancel && event.target !== dialog) return
    event.preventDefault()
    dialog.close()
  })
  document.body.append(dialog)
  shown(dialog)
  dialog.showModal()
}

document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return
  const link = event.target instanceof Element && event.target.closest('a[data-confirm]')
  if (!link) return
  event.preventDefault()
  void confirmInDialog(link.href, link)
})

document.addEventListener('submit', (event) => {
  const form = event.target
  if (!(form instanceof HTMLFormElement)) return
  // A second click does not do it twice.
  if (form.dataset.sent !== undefined && form.method === 'post') {
    event.preventDefault()
    return
  }
  if (form.dataset.confirm !== undefined) {
    event.preventDefault()
    void confirmInDialog(form.action, event.submitter)
    return
  }
  form.dataset.sent = ''
  setTimeout(() => delete form.dataset.sent, 5_000)
})

/** A button that copies, at each text that is more than a line, and at each id. */
function addCopies(root) {
  for (const text of root.querySelectorAll?.('pre.json, .facts code') ?? []) {
    if (text.parentElement?.matches('.copyable')) continue
    const box = document.createElement(text.matches('pre') ? 'div' : 'span')
    box.className = 'copyable'
    const button = document.createElement('button')
    button.type = 'button'
    button.className = 'small copy'
    button.textContent = 'Copy'
    button.addEventListener('click', async () => {
      const isDone = await copy(text)
      button.textContent = isDone ? 'Copied' : 'Selected: press Ctrl+C'
      setTimeout(() => {
        button.textContent = 'Copy'
      }, 2_000)
    })
    text.replaceWith(box)
    // In a line it stands behind; in a corner, before: it is come to before a long text.
    box.append(...(text.matches('pre') ? [button, text] : [text, button]))
  }
}

/** Without TLS there is no clipboard: then it is selected, so that a key does the rest. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent)
    return true
  } catch {
    getSelection()?.selectAllChildren(element)
    return false
  }
}

/** A box in the head of a table whose rows have one: sets all of them, and shows whether all are set. */
function wireSelection(root) {
  for (const table of root.querySelectorAll?.('table') ?? []) {
    const first = table.querySelector('tbody td input[type=checkbox]')
    const head = first && table.tHead?.rows[0]?.cells[first.closest('td').cellIndex]
    if (!head || head.querySelector('input')) continue
    const boxes = () => [...table.querySelectorAll('tbody td input[type=checkbox]:enabled')]
    const all = document.createElement('input')
    all.type = 'checkbox'
    all.setAttribute('aria-label', 'Select all rows')
    all.autocomplete = 'off'
    const update = () => {
      const count = boxes().filter(({ checked }) => checked).length
      all.checked = count > 0 && count === boxes().length
      all.indeterminate = count > 0 && !all.checked
    }
    all.addEventListener('change', () => {
      for (const box of boxes()) box.checked = all.checked
      update()
    })
    table.tBodies[0].addEventListener('change', update)
    head.append(all)
    update()
  }
}

addCopies(document)
wireSelection(document)

/** Redis was gone when this page was made: it comes again by itself. */
const RETRY_MS = 5_000

async function retry() {
  const isBack = await fetch(location.href, { cache: 'no-store' }).then(
    ({ status }) => status !== 503,
    () => false,
  )
  if (isBack) location.reload()
  else setTimeout(retry, RETRY_MS)
}

if (document.body.dataset.retry !== undefined) setTimeout(retry, RETRY_MS)
