'use strict'

const assert = require('node:assert/strict')
const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { folder } = require('./support')

const command = path.join(__dirname, '../bin/heirloom.js')

const heirloom = (cwd, ...args) => spawnSync(process.execPath, [command, ...args], { cwd, encoding: 'utf8' })

test('the command is that of the Rust package, with its output and its exit codes', (t) => {
  const cwd = folder(t)
  assert.match(heirloom(cwd, '--version').stdout, /^heirloom \d/)
  fs.mkdirSync(path.join(cwd, 'migrations'))
  fs.writeFileSync(path.join(cwd, 'migrations/V1__a.sql'), 'CREATE TABLE a (x);')
  const ran = heirloom(cwd, 'run', '--database', 'app.db', '--json')
  assert.equal(ran.status, 0, ran.stderr)
  assert.equal(JSON.parse(ran.stdout).version, 1)
  assert.equal(heirloom(cwd, 'run', '--no-such-flag').status, 2)
})

test('a command that a signal ends is no success', async (t) => {
  const cwd = folder(t)
  const killed = path.join(cwd, 'killed')
  fs.writeFileSync(killed, '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 })
  const child = spawn(process.execPath, [command], { env: { ...process.env, HEIRLOOM_BINARY: killed } })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  assert.equal(code, 137)
})
