// Compiled, not run: how the package is used from TypeScript.
import { Database, HeirloomError, migrate } from '../index.mjs'
import type { BackupInfo, Event, Report } from '../index.mjs'

const onEvent = (event: Event) => {
  if (event.event === 'copying') console.log(event.done / event.total)
}

export async function start(database: string): Promise<Report> {
  try {
    return await migrate({ database, migrations: new URL('./migrations', import.meta.url), onEvent, adoptFrom: 'typeorm' })
  } catch (error) {
    if (error instanceof HeirloomError && error.kind === 'database-newer') console.log(error.help, error.versions?.known)
    if (error instanceof HeirloomError && error.kind === 'open-in-process') console.log(error.details)
    throw error
  }
}

export async function settings(database: Database): Promise<BackupInfo[]> {
  await database.restore({ snapshot: 'before' }, { keepNewer: true, signal: AbortSignal.timeout(1000) })
  // @ts-expect-error: steps or version
  await database.revert({})
  return database.backups({ verify: 'everything' })
}

export async function support(database: Database): Promise<string[]> {
  const [changed] = await database.edit([{ sql: 'UPDATE notes SET title = ?', params: ['x', 1n, null, Buffer.of(1)], changes: 'any' }])
  console.log(changed?.changes, changed?.rows)
  // @ts-expect-error: how many rows
  await database.edit([{ sql: 'DELETE FROM notes' }])
  // @ts-expect-error: SQLite has no booleans
  await database.read('SELECT ?', [true])
  const notes = await database.read<{ title: string }>('SELECT title FROM notes', {}, { state: { snapshot: 'before' } })
  return notes.map(({ title }) => title)
}
