// Generated from the Rust types by `bindings/types`. Do not edit.

/** What failed, where, in what state the data is, and what to do. */
export interface Failure {
  /** The kind of the failure. */
  kind: ErrorKind
  /** Whether an `AbortSignal` or a cancel button ended the call. */
  interrupted: boolean
  /** All of it on several lines, for a log. */
  details: string
  /** What failed, on one line. */
  message: string
  /** What to do, as a sentence. */
  help: string | null
  /** What to do, as values. */
  remedies: Remedy[]
  /** Whether the database is as it was before the call. */
  databaseUnchanged: boolean
  /** What state the data is in, as a sentence. */
  data: string
  /** The migration that failed, as `V3__name`. */
  migration: string | null
  /** The file, the line and the column of what failed. */
  file: string | null
  line: number | null
  column: number | null
  /** The statement that failed. */
  statement: string | null
  /** The backup that was taken before. */
  backup: string | null
  /** The backup that was put back. */
  restoredFrom: string | null
  /** Rows that a backfill has done, and all of them. */
  done?: number
  total?: number
  /** What would be destroyed without permission. */
  destroys?: Loss[]
  /** The version of the database, and the newest one that the app knows. */
  versions?: { database: number; known: number | null }
}

/** Something that is in the database now and would be gone. */
export interface Loss {
  table: string
  what: "table" | "rows" | "column" | "generated" | "narrowed"
  column: string | null
  /** How many rows or values. */
  count: number
  /** All of it as a sentence. */
  message: string
}

/**
 * What can be done about a failure, a problem or a finding, as a value: an app offers it as a
 * button, the command line prints it as a command.
 *
 * An `Error` says the same in a sentence, `Error.help`,
 * which names no command. Not everything that helps is a method or a command: correcting a file
 * is in the sentence alone.
 */
export type Remedy =
  /** Use the version of the app that migrated the database, or a newer one. */
  | { remedy: "update" }
  /** Close the other program that uses the database, and call again. */
  | { remedy: "retry" }
  /**
   * Migrate: `Migrator.migrate`, as the next start of the app
   * does.
   */
  | { remedy: "migrate" }
  /**
   * Keep what an interrupted run left, where its backup is gone:
   * `Migrator.keepInterrupted`.
   */
  | { remedy: "keep-interrupted" }
  /** Restore a backup: `Database.restore`. */
  | {
      remedy: "restore"
      /** The backup; none for the newest, or for one that the user chooses. */
      backup: string | null
    }
  /** Restore a snapshot: `Database.restore`. */
  | {
      remedy: "restore-snapshot"
      /** Its name. */
      name: string
    }
  /** Look at the backups and snapshots: `Database.backups`. */
  | {
      remedy: "list-backups"
      /** Whether each is to be verified. */
      verify: boolean
    }
  /** Look at the migrations and their states: `Database.status`. */
  | { remedy: "show-status" }
  /** Look at the tables: `Database.inspect`. */
  | { remedy: "show-schema" }
  /** Revert migrations: `Database.revert`. */
  | {
      remedy: "revert"
      /** The version to go back to; none for one migration. */
      to: number | null
    }
  /**
   * Import the history that another tool kept: `Database.adopt`, or
   * `Migrator.adoptFrom` at the start of the app.
   */
  | {
      remedy: "adopt"
      /** The tool. */
      tool: string
    }
  /**
   * Record the version of a database without a history:
   * `Database.baseline`.
   */
  | { remedy: "baseline" }
  /** Run a backfill: `Database.backfill`. */
  | {
      remedy: "backfill"
      /** Whether once more from the first row: `Backfill.again`. */
      again: boolean
    }
  /**
   * Allow what is destroyed: with `-- heirloom: allow-destructive` at the top of the file, or
   * `Migrator.allowDestructive`.
   */
  | {
      remedy: "allow-destructive"
      /** The migration file, where there is one already. */
      file: string | null
    }
  /** Read the database with this SQL. */
  | {
      remedy: "query"
      /** One SELECT. */
      sql: string
    }
  /**
   * Save what can still be read into a new file:
   * `Database.recover`.
   */
  | { remedy: "recover" }
  /** Rebuild the indexes with SQLite's `REINDEX`. */
  | { remedy: "reindex" }
  /** Write an empty migration (feature `devtools`: `create`). */
  | { remedy: "create" }
  /** Write migrations from the schema file (feature `devtools`: `Devtools.generate`). */
  | { remedy: "generate" }
  /** Say that something was renamed (feature `devtools`: `GenerateOptions.rename`). */
  | {
      remedy: "rename"
      /** `table.old=new` or `old_table=new_table`. */
      rename: string
    }
  /**
   * Say that something is gone and was not renamed (feature `devtools`:
   * `GenerateOptions.drop`).
   */
  | {
      remedy: "drop"
      /** `table.column` or `table`. */
      gone: string
    }
  /** Squash (feature `devtools`: `Devtools.squash`). */
  | { remedy: "squash" }
  /** Squash up to an earlier version (feature `devtools`: `SquashOptions.to`). */
  | { remedy: "squash-to" }
  /** Choose another name (feature `devtools`: `SquashOptions.name`). */
  | { remedy: "choose-name" }
  /** Drop everything and migrate again (feature `devtools`: `Database.reset`). */
  | { remedy: "reset" }
  /**
   * Push although the history will no longer match (feature `devtools`:
   * `OnHistory.MakeUntrue`).
   */
  | { remedy: "push-anyway" }

/** The kind of a failure, in the words that `--json` uses. */
export type ErrorKind =
  /** A statement, a check after it, or a hook failed. */
  | "migration-failed"
  /** An applied migration's file changed, or the history cannot be read as one. */
  | "diverged"
  /** An applied migration has no file. */
  | "missing"
  /** A file is older than the newest applied migration and was never applied. */
  | "out-of-order"
  /** The database was migrated by a newer version of the app. */
  | "database-newer"
  /** Another process holds the database. */
  | "locked"
  /** Data would be destroyed, and nothing allows it. */
  | "destructive"
  /** A migration without a down migration. */
  | "irreversible"
  /** Something is gone and something is new, which may be one thing under another name. */
  | "ambiguous-rename"
  /** A new column that must not be NULL has nothing to hold for the rows that are there. */
  | "needs-default"
  /** A folder, a directory, a special file, an encrypted or a damaged database. */
  | "not-a-database"
  /** No space left. */
  | "disk-full"
  /** A backup did not verify. */
  | "backup-invalid"
  /** A file, a folder or a version that does not exist. */
  | "not-found"
  /** A migration file that cannot be used: its name, its encoding, its contents. */
  | "invalid-migration"
  /** The data needs a person. */
  | "needs-attention"
  /** A wrong argument or setting. */
  | "usage"
  /** The operating system or SQLite refused something else. */
  | "io"

/** What `Database.recover` wrote into a new file. */
export interface Recovery {
  /** The damaged database, which was not changed. */
  database: string
  /** The new file. */
  file: string
  /** The tables of the schema, with what was saved of each. */
  tables: RecoveredTable[]
  /**
   * Rows of which nobody knows the table: `lost_and_found`, or what it is called where the database
   * has such a table.
   */
  lostAndFound: RecoveredTable | null
  /** What else is not in the new file, or not as it should be, in sentences. */
  notes: string[]
}

/** What was saved of one table. */
export interface RecoveredTable {
  /** Its name. */
  table: string
  /** The rows that are in the new file. */
  rows: number
  /** The rows that are known to be lost: an index names them, or they do not satisfy the table. */
  lost: number
  /**
   * Pages of it that could not be read, or that were not where they should be. What was on them may
   * be lost, or be among the rows or in `lost_and_found` all the same.
   */
  damagedPages: number
}

/** A row that differs. Values are written as SQL does. */
export interface RowDifference {
  /** What tells it from other rows: columns, or the rowid. None where its values do. */
  key: [string, string][]
  /**
   * The values that differ, or all of one that is on one side alone: the column, the value in
   * the first state and in the second.
   */
  values: [string, string | null, string | null][]
}

/**
 * One thing that happens while a database is migrated. Events are for interfaces:
 * nothing is decided from them, and a slow listener slows the run down.
 */
export type Event =
  /** Another process is at work on this database; this one waits. */
  | {
      event: "waiting"
      /** Who holds it, as far as is known. */
      holder: string
    }
  /** A run that was interrupted is being put back. */
  | {
      event: "recovering"
      /** The backup that is put back, none where the database had been empty. */
      backup: string | null
    }
  /** Unfinished files of a backup or a restore that was interrupted were removed. */
  | {
      event: "cleaned_up"
      /** How many. */
      files: number
    }
  /**
   * What is there is read before anything is copied or changed: rows are counted and checked.
   * Sent several times a second while that takes longer than a moment, from a thread of its own.
   */
  | {
      event: "checking"
      /** The migration for which that is done, as `V3__name`, or what else is read. */
      what: string
      /** How many of them are done. */
      done: number
      /** Out of how many. */
      total: number
    }
  /** There is work to do: the number of migrations. */
  | {
      event: "planned"
      /** How many migrations will be applied or reverted. */
      migrations: number
    }
  /** The backup is being taken. Sent often, at least at the beginning and the end. */
  | {
      event: "copying"
      /** Bytes copied so far. */
      done: number
      /** Bytes in all. */
      total: number
    }
  /**
   * The backup is verified and in its place. Of a large database that is done beside the
   * migrations, and waited for before the commit.
   */
  | {
      event: "copy_verified"
      /** The backup. */
      backup: string
      /** Copying and verifying took so long. */
      durationMs: number
    }
  /** A migration begins. */
  | {
      event: "started"
      /** As `V3__name`. */
      migration: string
      /** Which one of `Event.Planned`, from 1. */
      number: number
      /** Out of how many. */
      of: number
    }
  /** A big table that is rebuilt is being filled. Sent every few thousand rows. */
  | {
      event: "filling"
      /** The table, by the name it will have. */
      table: string
      /** Rows so far. */
      done: number
      /** Rows in all: as many as the table had. */
      total: number
    }
  /** A batch of a backfill is in the database for good. */
  | {
      event: "backfilling"
      /** Rows done so far, those of earlier calls among them. */
      done: number
      /** Rows in all: as many as there were when it began. */
      total: number
      /** Rows a second, since this call began its first batch. */
      rate: number
    }
  /**
   * A migration was applied or reverted. Nothing is permanent before
   * `Event.Committed`.
   */
  | {
      event: "finished"
      /** As `V3__name`. */
      migration: string
      /** It took so long. */
      durationMs: number
    }
  /** The result is being checked: references, row counts, schema. */
  | { event: "proving" }
  /** Everything is in the database for good. */
  | { event: "committed" }
  /** Something failed and is being taken back. */
  | { event: "rolling_back" }

/** What is different between two states. Made without writing anything. */
export interface StateComparison {
  /** The one file. */
  from: string
  /** The other. */
  to: string
  /** The tables of which anything differs. */
  tables: TableDifference[]
  /** What could not be compared, in sentences. */
  notes: string[]
}

/** What differs of a table. */
export interface TableDifference {
  /** The table. */
  table: string
  /** Rows that only the first state has. */
  onlyInFrom: number
  /** Rows that only the second has. */
  onlyInTo: number
  /** Rows that both have, with other values. */
  changed: number
  /** Of those, how many differ in a column. */
  columns: Record<string, number>
}

/** What `Database.log` finds. */
export interface Log {
  /** The database, with symbolic links resolved. */
  database: string
  /** Whether there is a file. */
  exists: boolean
  /** The newest first. */
  log: LogEntry[]
  /**
   * Applied versions that no entry tells of: another tool applied them, or a heirloom
   * that kept no log yet.
   */
  unlogged: number[]
}

/** One line of a `Log`. */
export interface LogEntry {
  kind: Act
  /** When it was done, RFC 3339 in UTC. */
  at: string
  /** Whether it is known to have come to its end. */
  finished: boolean
  durationMs: number | null
  appVersion: string | null
  component: string | null
  versionBefore: number | null
  version: number | null
  migrations: Logged[]
  /** The file name of the backup that was taken, or of the snapshot. */
  backup: string | null
  /** The path of what a restore put back. */
  restoredFrom: string | null
  /** The name of a backfill. */
  backfill: string | null
  /** What was destroyed with permission, or by a down migration, in words. */
  destroyed: string[]
  /** The size of the database afterwards, in bytes. */
  bytes: number | null
}

/** A migration that a `LogEntry` tells of. */
export interface Logged {
  /** The component whose it is, none for the app's own. */
  component: string | null
  /** Its version. */
  version: number
}

/** What was done to a database: of a `Report`, and of an entry of the log. */
export type Act =
  /** Migrations were applied. */
  | "run"
  /** Migrations were reverted. */
  | "revert"
  /** Migrations that another tool applied, or a person, were recorded as applied. */
  | "adopt"
  /** Migrations were reverted and applied again. The log has it as both. */
  | "redo"
  /** Migrations were applied to a copy that was thrown away. The log has no entry of it. */
  | "rehearse"
  /** Seed files were run. */
  | "seed"
  /** The schema was changed to what the schema file says, without a migration. */
  | "push"
  /** A backup or a snapshot was restored. */
  | "restore"
  /** Everything was dropped, migrated and seeded. */
  | "reset"
  /** Everything was dropped. */
  | "drop"
  /** Rows were filled in batches. */
  | "backfill"
  /** A snapshot was taken. */
  | "snapshot"

/** What `Database.doctor` finds. */
export interface Diagnosis {
  /** The database, with symbolic links resolved. */
  database: string
  /** Whether there is a file. */
  exists: boolean
  /** What is wrong, the worst first. */
  problems: Problem[]
  /** What was looked at and found in order, in sentences. */
  passed: string[]
  /**
   * What could not be looked at, backfills that are not finished, a folder that seems to be kept in
   * step with other machines, in sentences.
   */
  notes: string[]
  /** Who holds the database at this moment, as far as the system tells. */
  heldBy: string | null
  /** The version of SQLite in use. */
  sqliteVersion: string
  /** The bytes of free disk that the next run needs, about. */
  neededBytes: number
  /** The bytes that are free where backups go, none where the system does not tell. */
  freeBytes: number | null
}

/** Something that is wrong, and what to do. As text it is both. */
export interface Problem {
  /** What kind. */
  kind: ProblemKind
  /** What is wrong. */
  message: string
  /** What to do. */
  help: string
  /** The same as values, where it is something that the library does. */
  remedies: Remedy[]
}

/** The kind of a `Problem`, in the words that `--json` uses. */
export type ProblemKind =
  /** The file is damaged, or no database. */
  | "damaged"
  /** There is no database, or an empty one of which there are backups. */
  | "missing"
  /** Rows that a constraint forbids, or an index for full-text search that lags behind. */
  | "contents"
  /** Rows that refer to what is not there. */
  | "broken-reference"
  /** The history and the migrations contradict each other. */
  | "history"
  /** The schema is not the one that the applied migrations give. */
  | "drift"
  /** The pending migrations cannot run as they are. */
  | "pending"
  /** A run or a restore that was interrupted. */
  | "interrupted"
  /** Something that could not be looked at. */
  | "unreadable"
  /** A view or a trigger that names what is not there, or is too much for SQLite to compile. */
  | "broken-object"
  /** Another file seems to have taken the place of the database: its backups say so. */
  | "misplaced"
  /** A backup that is not what was recorded. */
  | "backup-damaged"
  /** Companions without their database, unfinished files. */
  | "leftover"
  /** Too little room for the next run. */
  | "disk-full"
  /** The file has another name. */
  | "hard-link"
  /** The file is on a network file system. */
  | "network-file-system"
  /** The SQLite in use has a fault that can damage the database. */
  | "old-sqlite"

/** What `Database.stats` finds. */
export interface Stats {
  /** The database, with symbolic links resolved. */
  database: string
  /** Whether there is a file. */
  exists: boolean
  /** The size of the file, in bytes. */
  bytes: number
  /** The size of its write-ahead log, in bytes; 0 where there is none. */
  walBytes: number
  /** The size of a page, in bytes. */
  pageSize: number
  /** The pages of the database, those in the write-ahead log among them. */
  pages: number
  /** The pages that hold nothing. */
  freePages: number
  /** `wal`, or `delete` and its kin. */
  journalMode: string
  /** The tables, the biggest first, heirloom's and SQLite's own among them. */
  tables: TableStats[]
  /** What was applied. */
  history: HistoryStats
  /** The backups that are there. */
  backups: BackupStats
  /** The size of the database over time, the oldest first; the last is now. */
  growth: SizeAt[]
}

/** How big the database was at a time. */
export interface SizeAt {
  /** When, RFC 3339 in UTC. */
  at: string
  /** In bytes. */
  bytes: number
}

/** The backups in short. */
export interface BackupStats {
  /** How many automatic backups there are, states that a restore replaced among them. */
  automatic: number
  /** How many snapshots. */
  snapshots: number
  /** How large all of them are, in bytes. */
  bytes: number
  /**
   * Where some share blocks with other files, the bytes of disk that all of them occupy alone, as far
   * as the system tells: Linux does. What several share is counted for none.
   */
  unsharedBytes?: number
}

/** The history in short. */
export interface HistoryStats {
  /** How many migrations are applied. */
  applied: number
  /** The schema version. */
  version: number | null
  /** How many are pending, none where the migrations are not there or cannot be read. */
  pending: number | null
  /** The last run, where the log has one. */
  lastRun: LogEntry | null
}

/** A table's share. */
export interface TableStats {
  /** Its name. */
  name: string
  /** Its rows, none where they cannot be counted. */
  rows: number | null
  /**
   * The pages of its rows in bytes; of a virtual table those of its shadow tables with their
   * indexes. None where SQLite was built without `dbstat`.
   */
  bytes: number | null
  /** Whether it is heirloom's own, the history or SQLite's. */
  internal: boolean
  /** Its indexes, those of constraints among them. */
  indexes: IndexStats[]
}

/** An index's share. */
export interface IndexStats {
  /** Its name. */
  name: string
  /** Its pages in bytes, none where SQLite was built without `dbstat`. */
  bytes: number | null
}

/** What `Database.inspect` finds. */
export interface Inspected {
  /** The database, with symbolic links resolved. */
  database: string
  /** Whether there is a file. */
  exists: boolean
  /** The tables by name, without SQLite's and heirloom's own. */
  tables: TableInfo[]
  /** The views by name. */
  views: ViewInfo[]
}

/** A view. */
export interface ViewInfo {
  /** Its name. */
  name: string
  /** Its columns, empty where it cannot be read. */
  columns: string[]
  /** Its INSTEAD OF triggers. */
  triggers: TriggerInfo[]
  /** The CREATE statement. */
  sql: string
}

/** A trigger. */
export interface TriggerInfo {
  /** Its name. */
  name: string
  /** When it runs, as in `AFTER UPDATE OF text`. */
  event: string
  /** The CREATE statement. */
  sql: string
}

/** A table. */
export interface TableInfo {
  /** Its name as written. */
  name: string
  /** Its rows, none where they cannot be counted (the module of a virtual table is missing). */
  rows: number | null
  /** The columns, hidden ones among them. */
  columns: ColumnInfo[]
  /** Whether it is WITHOUT ROWID. */
  withoutRowid: boolean
  /** Whether it is STRICT. */
  strict: boolean
  /** Of a virtual table: its module, as in `fts5`. */
  module: string | null
  /** Of a virtual table: the tables in which its module keeps the rows. */
  shadowTables: string[]
  /** The columns of the primary key, in its order. */
  primaryKey: string[]
  /** The conditions of CHECK constraints, as written. */
  checks: string[]
  /** What it refers to. */
  foreignKeys: ForeignKeyInfo[]
  /** What refers to it. */
  referencedBy: ReferenceInfo[]
  /** Its indexes, those of constraints among them. */
  indexes: IndexInfo[]
  /** Its triggers. */
  triggers: TriggerInfo[]
  /** The views that name it. */
  views: string[]
  /** The CREATE statement, as SQLite keeps it. */
  sql: string
}

/** An index. */
export interface IndexInfo {
  /** Its name. */
  name: string
  /** Its columns in order; `<expression>` for what is not a column. */
  columns: string[]
  /** Whether it allows each value once. */
  unique: boolean
  /** Whether it holds some rows only. */
  partial: boolean
  /** Whether a constraint made it: UNIQUE or PRIMARY KEY. It has no statement then. */
  ofConstraint: boolean
  /** The CREATE statement. */
  sql: string | null
}

/** A foreign key from the other side. */
export interface ReferenceInfo {
  /** The table that refers. */
  table: string
  /** Its columns. */
  columns: string[]
}

/** A foreign key. */
export interface ForeignKeyInfo {
  /** Its columns. */
  columns: string[]
  /** The table it refers to. */
  table: string
  /** The columns there; empty where it is the primary key, unnamed. */
  to: string[]
  /** `NO ACTION`, `CASCADE`, `SET NULL`, `SET DEFAULT` or `RESTRICT`. */
  onUpdate: string
  /** The same for a row that is deleted. */
  onDelete: string
}

/** A column. */
export interface ColumnInfo {
  /** Its name as written. */
  name: string
  /** The declared type, empty where there is none. */
  type: string
  /** Whether it is NOT NULL. */
  notNull: boolean
  /** The expression of its DEFAULT. */
  default: string | null
  /** Its place in the primary key, from 1. */
  primaryKey: number | null
  /** Whether it counts with AUTOINCREMENT. */
  autoincrement: boolean
  /** Whether its values are computed from others. */
  generated: Generation | null
  /** Whether it is a hidden column of a virtual table. */
  hidden: boolean
  /** Its collation, none where that is BINARY. */
  collation: string | null
}

/** When a generated column is computed. */
export type Generation =
  /** When it is read. */
  | "virtual"
  /** When its row is written. */
  | "stored"

/** The ways an older app has with a newer database, as values for a dialog. */
export interface DowngradeOptions {
  /** The database's version. */
  version: number
  /** The newest version this app knows. */
  known: number | null
  /** The migrations this app does not know, as `V3__name`, the oldest first. */
  unknown: string[]
  /**
   * Whether each of them can be taken back with the down migration that was stored in the
   * database when it was applied: `Database.revertToKnown`.
   */
  canRevert: boolean
  /**
   * The backup taken before the first of them, where it is still there and sound:
   * `Database.restore`.
   */
  restore: RestoreOffer | null
  /**
   * Whether each of them declared itself harmless to this app
   * (`-- heirloom: compatible-with VERSION`):
   * `Database.openAnyway`.
   */
  canOpenAnyway: boolean
}

/** The backup from before an upgrade. */
export interface RestoreOffer {
  /** What to say to `Database.restore`. */
  copy: BackupRef
  /** The file. */
  file: string
  /** When it was taken, RFC 3339 in UTC. */
  createdAt: string
  /** How long ago that is, in whole seconds; 0 when the clock was set back since. */
  ageS: number
  /**
   * How many rows the database has now that the backup has not, over all tables of the
   * copy. Rows that were changed since are not counted.
   */
  rowsLost: number
}

/** Which backup is meant. */
export type BackupRef =
  /** The newest automatic backup. */
  | "latest"
  /** An automatic backup by its file name, or any database by its path. */
  | { file: string }
  /** A snapshot by its name. */
  | { snapshot: string }

/** A backup of a database, as it is listed. */
export interface BackupInfo {
  /** The file. */
  file: string
  /** Where it comes from. */
  origin: BackupOrigin
  /** Whether it is the state that a restore replaced. */
  replaced: boolean
  /** When it was taken, RFC 3339 in UTC. */
  createdAt: string
  /** Its size in bytes. */
  bytes: number
  /**
   * Of one that shares blocks with other files, the bytes of disk that it occupies alone, where the
   * system tells: Linux does.
   */
  unsharedBytes?: number
  /** The schema version in it, none before the first migration. */
  version: number | null
  /**
   * Whether it is, byte for byte, what was recorded when it was taken; with
   * `Verify.Length`, whether it is as long. Never of one without a record.
   */
  verified: boolean
  /**
   * Whether its record is there, which tells whose it is and what it was. Without one (hidden
   * files are easily lost) the rest is what its own contents say.
   */
  recorded?: boolean
  /** Of one without a record, how many rows its tables have, where it can be read. */
  rows?: number
  /** Of one without a record, whether SQLite finds it whole, where that was asked. */
  whole?: boolean
  /** What was left out of the folders of a snapshot that was just taken, and why, in sentences. */
  notes?: string[]
}

/** Where a backup comes from. */
export type BackupOrigin =
  /** Taken before a run, a revert or a restore. */
  | "automatic"
  /** Taken because somebody asked for it, under a name. */
  | "snapshot"

/** What `Database.backfill` would do. */
export interface BackfillPlan {
  /** The database, with symbolic links resolved. */
  database: string
  /** The backfill. */
  name: string
  /** The table. */
  table: string
  /** Rows that are done. */
  done: number
  /** Rows that are left. */
  left: number
  /** When it was begun, RFC 3339. */
  startedAt: string | null
  /** When it was done, RFC 3339. */
  finishedAt: string | null
}

/** What a restore would do. Made without writing anything. */
export interface RestorePlan {
  /** The database, with symbolic links resolved. */
  database: string
  /** The backup that would be put back. */
  file: string
  /** What the database holds now; none when it is not there or cannot be read. */
  before: DatabaseSummary | null
  /** What it would hold. */
  after: DatabaseSummary
  /** The folders of files that would be put back, and take the place of those that are there. */
  folders: string[]
  /** What was written to the database since the backup was taken, by table. */
  newer: RowsSince[]
}

/** Rows that were written since a backup was taken. */
export interface RowsSince {
  /** The table. */
  table: string
  /** Rows that the backup does not have. */
  new: number
  /** Rows that the backup has with other values. */
  changed: number
}

/** What a database holds, in short. */
export interface DatabaseSummary {
  /** The schema version. */
  version: number | null
  /** The size in bytes. */
  bytes: number
  /** Rows by table. */
  rows: Record<string, number>
}

/** The state of a database compared with its migrations. Made without writing anything. */
export interface Status {
  /** The database, with symbolic links resolved. */
  database: string
  /** Whether there is a file yet. */
  exists: boolean
  /** The schema version, none when nothing was applied. */
  version: number | null
  /** The newest version these migrations know. */
  newestKnown: number | null
  /** Every migration and every row of the history, in the order of versions. */
  migrations: MigrationStatus[]
  /**
   * An interrupted run that the next start will put back, or a restore that it will finish:
   * when it began, RFC 3339.
   */
  interrupted: string | null
  /**
   * What is not as the applied migrations give it, though nothing else made it so that heirloom
   * knows of, in sentences. Tables, indexes and triggers of the user's own are not among it.
   */
  drift: string[]
  /** Why the pending migrations cannot be run as they are. */
  problem: Failure | null
  /**
   * What somebody should know, in sentences: that there are backups of a database that is gone,
   * or a backfill that is not finished.
   */
  notes: string[]
  /** What can be done about the notes, as values. */
  remedies: Remedy[]
}

/** One line of a `Status`. */
export interface MigrationStatus {
  /** The component whose it is, none for the app's own. */
  component: string | null
  /** Its version. */
  version: number
  /** Its name, without version. */
  name: string
  /** How file and history compare. */
  state: MigrationState
  /** When it was applied, RFC 3339. */
  appliedAt: string | null
  /** Whether there is a down migration. */
  reversible: boolean
  destructive: boolean
  /** What it destroys of what is in the database now. */
  destroys: Loss[]
  /** Whether the file consents to that. */
  consents: boolean
  /** The tables it would rebuild. */
  rebuilds: string[]
  /** The tables that it rebuilds, and what that takes in time and disk. */
  rebuildEstimates: RebuildEstimate[]
  estimatedMs: number | null
  diskBytes: number | null
  /** The file, where there is one. */
  file: string | null
  /** The SQL: of the file, or as it was applied where the file is gone. */
  sql: string | null
  /** What a reviewer should know, in sentences. */
  notes: string[]
}

/** A table that would be rebuilt. */
export interface RebuildEstimate {
  /** The table, by the name it has afterwards. */
  table: string
  /** The rows it has now. */
  rows: number
  /**
   * The bytes that the table and its indexes take now. Where SQLite was built without
   * `dbstat`, those of the whole database.
   */
  bytes: number
}

/** How a migration compares with a history. */
export type MigrationState =
  /** Applied, and the file is the one that was applied. */
  | "applied"
  /** Not applied yet. */
  | "pending"
  /** Applied, and the file is not what was applied. */
  | "changed"
  /**
   * Applied, and there is no file; or not applied, and needed before a squashed migration
   * counts as applied, and there is no file.
   */
  | "missing"
  /** Not applied, and older than the newest applied one. */
  | "out-of-order"

/** What a run or a revert would do. Made without writing anything. */
export interface Plan {
  /** The database, with symbolic links resolved. It need not exist yet. */
  database: string
  /** Up or down. */
  direction: Direction
  /** The migrations, in the order in which they would run. */
  steps: Step[]
  /** The schema version now. */
  version: number | null
  /**
   * An interrupted run, begun at this RFC 3339 time, that would be put back first. The
   * steps are those from the state before it.
   */
  interrupted: string | null
  /** What would be destroyed without being allowed in the file: a run is refused. */
  refused: Failure | null
}

/** One migration of a `Plan`. */
export interface Step {
  /** The component whose it is, none for the app's own. */
  component: string | null
  /** Its version; 0 for what is in no history. */
  version: number
  /** Its name, without version. */
  name: string
  /** The file the SQL comes from. */
  file: string
  /** The SQL that would run, byte for byte. */
  sql: string
  destructive: boolean
  /** What it destroys of what is in the database now. */
  destroys: Loss[]
  /** The tables it rebuilds: dropped, and there again at the end. */
  rebuilds: string[]
  /** The tables that it rebuilds, and what that takes in time and disk. */
  rebuildEstimates: RebuildEstimate[]
  estimatedMs: number | null
  diskBytes: number | null
  /** Whether the file consents to what it destroys (`-- heirloom: allow-destructive`). */
  consents: boolean
  /** Whether it runs outside a transaction (`-- heirloom: no-transaction`). */
  noTransaction: boolean
  /** Indexes, triggers and views that are gone afterwards, in words. */
  notes: string[]
}

/** Up or down. */
export type Direction =
  /** Migrations are applied. */
  | "up"
  /** Migrations are taken back. */
  | "down"

/**
 * What a call did: the answer of every method that changes a database, and of
 * `Database.rehearse`, which changes a copy.
 *
 * `Report.act` says which kind of work it was. The fields that only some kinds fill are
 * empty or `None` for the others:
 *
 * | act | what is filled |
 * |---|---|
 * | `Act.Run` | `applied`, `backup` |
 * | `Act.Revert` | `reverted`, `backup` |
 * | `Act.Adopt` | `applied`: what was recorded and not run, `backup` |
 * | `Act.Redo` | `reverted`, `applied`, `backup` |
 * | `Act.Rehearse` | `applied`: what could be applied, `disk_bytes`, `differences` |
 * | `Act.Restore` | `restored` |
 * | `Act.Backfill` | `backfill`, `backup` |
 * | `Act.Seed` | `seeded`, `backup` |
 * | `Act.Push` | `pushed`, `backup` |
 * | `Act.Reset` | `applied`, `seeded`, `snapshot` |
 * | `Act.Drop` | `snapshot` |
 *
 * `{report}` is one line for a log.
 */
export type Report = Partial<Restored> & Partial<Backfilled> & Partial<Pushed> & {
  /** What was done. */
  act: Act
  /** The database, with symbolic links resolved. */
  database: string
  /**
   * The migrations that were applied, in order. Of `Act.Adopt`: those that were recorded
   * as applied and not run. Of `Act.Rehearse`: those that could be applied to the copy.
   */
  applied: Done[]
  /** The migrations that were reverted, the newest first. */
  reverted: Done[]
  /** The seed files that were run, in order. */
  seeded: SeedFile[]
  /**
   * The automatic backup taken before the first change. None when there was nothing to do,
   * or when the database was new and there was nothing to back up.
   */
  backup: string | null
  /**
   * The snapshot of what was in the database, taken before all of it was dropped. None when
   * there was nothing in it.
   */
  snapshot: string | null
  /** The schema version before, none when nothing was applied yet. */
  versionBefore: number | null
  /** The schema version now. */
  version: number | null
  /**
   * Bytes of disk that a run takes at its peak: the backup, and what the database, its
   * journal and its write-ahead log grow by. The temporary files in which SQLite sorts are
   * not counted. Known of a rehearsal alone.
   */
  diskBytes: number | null
  /**
   * What is different afterwards, by table and column: in the first state, that before, and in
   * the second. Known of a rehearsal alone.
   */
  differences: TableDifference[]
  /** An interrupted run that was put back before anything else. */
  recovered: Recovered | null
  /**
   * Whether migrating was switched off, so that the database was opened as it is and nothing
   * in it was looked at: neither version is known.
   */
  switchedOff: boolean
  /**
   * What somebody should know, in sentences: old violations of foreign keys, objects
   * that are gone, a down migration that does not restore the schema.
   */
  notes: string[]
  /** What can be done about the notes, as values. */
  remedies: Remedy[]
  /** From the call to its return. */
  durationMs: number
}

/** An interrupted run that was put back. */
export interface Recovered {
  /** When the run had begun, RFC 3339. */
  startedAt: string
  /** The backup that was restored, none where the database had been empty. */
  restoredFrom: string | null
  /** Where the state that it replaced is kept: other programs may have written to it. */
  replaced: string | null
}

/** What a push changed: part of a `Report`. */
export interface Pushed {
  /** What changed, table by table. Empty where the schema was as the file says. */
  changes: TableChange[]
  /** The SQL that did it. */
  sql: string
}

/** What happens to one table. */
export interface TableChange {
  /** The table, by its name after; the view, where only that changes. */
  table: string
  /** What is done. */
  kind: ChangeKind
  destructive: boolean
  /** What it takes away or may alter, in words. */
  destroys: string[]
}

/** What a change to a table is, in the words of JSON. */
export type ChangeKind =
  /** A new table. */
  | "create"
  /** ALTER TABLE does it, or only indexes, triggers or views change. */
  | "alter"
  /** The table is rebuilt, with its rows. */
  | "rebuild"
  /** Another name, for the table or for columns of it. */
  | "rename"
  /** The table is dropped. */
  | "drop"

/** What a backfill filled: part of a `Report`. All rows are done. */
export interface Backfilled {
  /** The backfill. */
  name: string
  /** The table. */
  table: string
  /** Rows that this call went through. */
  rows: number
  /** Rows that earlier calls had gone through. */
  rowsBefore: number
  /** When it was begun, RFC 3339. */
  startedAt: string
}

/** What a restore put back: part of a `Report`. */
export interface Restored {
  /** The backup or snapshot that the database was restored from. */
  file: string
  /** Where the state before is kept. None when there was none. */
  replaced: string | null
  /**
   * Whether that state was damaged, so that it is kept byte for byte and cannot be
   * restored.
   */
  wasDamaged: boolean
  /** The folders of files that the snapshot had taken along, and that are back. */
  folders: string[]
  /** Where the folders that those replaced are kept. None where there were none. */
  replacedFolders: string | null
  /**
   * What became of the rows written since the backup, by table; empty unless they were to be
   * kept.
   */
  newer: NewerRows[]
}

/** What became of the rows of a table that were written since the backup. */
export interface NewerRows {
  /** The table. */
  table: string
  /** Rows that the backup did not have, and that were taken over. */
  taken: number
  /** Rows that could not be: their keys in the spelling of SQL, and why. The first hundred. */
  left: [string, string][]
  /** How many could not be. */
  leftCount: number
  /** Rows that the backup has too, with other values: they are as in the backup. */
  changed: number
}

/** A seed file that was run. */
export interface SeedFile {
  /** Its name below the folder of the seeds, as in `dev/users.sql`. */
  file: string
  /** How long its statements took. */
  durationMs: number
  /** The tables whose number of rows it changed. */
  tables: TableRows[]
}

/** The rows of a table before and after a migration. */
export interface TableRows {
  /** The table, by the name it has afterwards. */
  table: string
  /** How many rows it had. */
  rowsBefore: number
  /** How many it has, none where it is gone. */
  rowsAfter: number | null
}

/** One migration that was applied or reverted. */
export interface Done {
  /** The component whose it is, none for the app's own. */
  component: string | null
  /** Its version. */
  version: number
  /** Its name, without version. */
  name: string
  /** How long its statements and its history row took. */
  durationMs: number
  /**
   * The tables that it rebuilt or whose number of rows it changed, without those that the
   * run created.
   */
  tables: TableRows[]
}

/** Keys whose objects are keyed by names of tables and columns, which stay as they are. */
export type NamedByData = "columns" | "rows"
