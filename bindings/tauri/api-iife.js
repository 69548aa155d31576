if ('__TAURI__' in window) {
var __TAURI_PLUGIN_HEIRLOOM__ = (function (exports) {
    'use strict';

    /******************************************************************************
    Copyright (c) Microsoft Corporation.

    Permission to use, copy, modify, and/or distribute this software for any
    purpose with or without fee is hereby granted.

    THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
    REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
    AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
    INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
    LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
    OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
    PERFORMANCE OF THIS SOFTWARE.
    ***************************************************************************** */
    /* global Reflect, Promise, SuppressedError, Symbol, Iterator */


    function __classPrivateFieldGet(receiver, state, kind, f) {
        if (kind === "a" && !f) throw new TypeError("Private accessor was defined without a getter");
        if (typeof state === "function" ? receiver !== state || !f : !state.has(receiver)) throw new TypeError("Cannot read private member from an object whose class did not declare it");
        return kind === "m" ? f : kind === "a" ? f.call(receiver) : f ? f.value : state.get(receiver);
    }

    function __classPrivateFieldSet(receiver, state, value, kind, f) {
        if (typeof state === "function" ? receiver !== state || true : !state.has(receiver)) throw new TypeError("Cannot write private member to an object whose class did not declare it");
        return (state.set(receiver, value)), value;
    }

    typeof SuppressedError === "function" ? SuppressedError : function (error, suppressed, message) {
        var e = new Error(message);
        return e.name = "SuppressedError", e.error = error, e.suppressed = suppressed, e;
    };

    // Copyright 2019-2024 Tauri Programme within The Commons Conservancy
    // SPDX-License-Identifier: Apache-2.0
    // SPDX-License-Identifier: MIT
    var _Channel_instances, _Channel_onmessage, _Channel_nextMessageIndex, _Channel_pendingMessages, _Channel_messageEndIndex, _Channel_deliver;
    /**
     * Invoke your custom commands.
     *
     * This package is also accessible with `window.__TAURI__.core` when [`app.withGlobalTauri`](https://v2.tauri.app/reference/config/#withglobaltauri) in `tauri.conf.json` is set to `true`.
     * @module
     */
    /**
     * A key to be used to implement a special function
     * on your types that define how your type should be serialized
     * when passing across the IPC.
     * @example
     * Given a type in Rust that looks like this
     * ```rs
     * #[derive(serde::Serialize, serde::Deserialize)
     * enum UserId {
     *   String(String),
     *   Number(u32),
     * }
     * ```
     * `UserId::String("id")` would be serialized into `{ String: "id" }`
     * and so we need to pass the same structure back to Rust
     * ```ts
     * import { SERIALIZE_TO_IPC_FN } from "@tauri-apps/api/core"
     *
     * class UserIdString {
     *   id
     *   constructor(id) {
     *     this.id = id
     *   }
     *
     *   [SERIALIZE_TO_IPC_FN]() {
     *     return { String: this.id }
     *   }
     * }
     *
     * class UserIdNumber {
     *   id
     *   constructor(id) {
     *     this.id = id
     *   }
     *
     *   [SERIALIZE_TO_IPC_FN]() {
     *     return { Number: this.id }
     *   }
     * }
     *
     * type UserId = UserIdString | UserIdNumber
     * ```
     *
     */
    // if this value changes, make sure to update it in:
    // 1. ipc.js
    // 2. process-ipc-message-fn.js
    const SERIALIZE_TO_IPC_FN = '__TAURI_TO_IPC_KEY__';
    /**
     * Stores the callback in a known location, and returns an identifier that can be passed to the backend.
     * The backend uses the identifier to `eval()` the callback.
     *
     * @return An unique identifier associated with the callback function.
     *
     * @since 1.0.0
     */
    function transformCallback(
    // TODO: Make this not optional in v3
    callback, once = false) {
        return window.__TAURI_INTERNALS__.transformCallback(callback, once);
    }
    /**
     * A message channel used to stream values from Rust to the frontend.
     *
     * A `Channel` is the JavaScript counterpart of [`tauri::ipc::Channel`](https://docs.rs/tauri/2/tauri/ipc/struct.Channel.html).
     * Pass an instance as a command argument and the Rust command can declare a
     * `tauri::ipc::Channel<T>` parameter with the same name; every value sent from
     * Rust is then delivered to {@linkcode Channel.onmessage}. Messages are delivered
     * in the order they were sent, even when they arrive out of order.
     *
     * The channel stays alive until the Rust `Channel` is dropped, so it can be used
     * for long-running work such as download progress or log streaming.
     *
     * Raw byte payloads are delivered to the frontend as an `ArrayBuffer` rather than
     * a JSON value, so declare the channel as `Channel<ArrayBuffer>` when the Rust
     * side sends `tauri::ipc::InvokeResponseBody::Raw` — for example through a
     * `Channel<tauri::ipc::Response>` whose values are built with
     * `tauri::ipc::Response::new(bytes)`.
     *
     * @example
     * ```typescript
     * import { Channel, invoke } from '@tauri-apps/api/core';
     *
     * const onEvent = new Channel<string>();
     * onEvent.onmessage = (message) => {
     *   console.log(`got download event ${message}`);
     * };
     *
     * await invoke('download', { url: 'https://tauri.app', onEvent });
     * ```
     *
     * The matching Rust command:
     * ```rust
     * #[tauri::command]
     * async fn download(url: String, on_event: tauri::ipc::Channel<String>) -> tauri::Result<()> {
     *   on_event.send("started".to_string())?;
     *   on_event.send("finished".to_string())?;
     *   Ok(())
     * }
     * ```
     *
     * @since 2.0.0
     */
    class Channel {
        constructor(onmessage) {
            _Channel_instances.add(this);
            _Channel_onmessage.set(this, void 0);
            // the index is used as a mechanism to preserve message order
            _Channel_nextMessageIndex.set(this, 0);
            _Channel_pendingMessages.set(this, []);
            _Channel_messageEndIndex.set(this, void 0);
            __classPrivateFieldSet(this, _Channel_onmessage, onmessage || (() => { }));
            this.id = transformCallback((rawMessage) => {
                const index = rawMessage.index;
                if ('end' in rawMessage) {
                    if (index == __classPrivateFieldGet(this, _Channel_nextMessageIndex, "f")) {
                        this.cleanupCallback();
                    }
                    else {
                        __classPrivateFieldSet(this, _Channel_messageEndIndex, index);
                    }
                    return;
                }
                const message = rawMessage.message;
                // Process the message if we're at the right order
                if (index == __classPrivateFieldGet(this, _Channel_nextMessageIndex, "f")) {
                    __classPrivateFieldGet(this, _Channel_instances, "m", _Channel_deliver).call(this, message);
                    __classPrivateFieldSet(this, _Channel_nextMessageIndex, __classPrivateFieldGet(this, _Channel_nextMessageIndex, "f") + 1);
                    // process pending messages
                    while (__classPrivateFieldGet(this, _Channel_nextMessageIndex, "f") in __classPrivateFieldGet(this, _Channel_pendingMessages, "f")) {
                        const message = __classPrivateFieldGet(this, _Channel_pendingMessages, "f")[__classPrivateFieldGet(this, _Channel_nextMessageIndex, "f")];
                        __classPrivateFieldGet(this, _Channel_instances, "m", _Channel_deliver).call(this, message);
                        // eslint-disable-next-line @typescript-eslint/no-array-delete
                        delete __classPrivateFieldGet(this, _Channel_pendingMessages, "f")[__classPrivateFieldGet(this, _Channel_nextMessageIndex, "f")];
                        __classPrivateFieldSet(this, _Channel_nextMessageIndex, __classPrivateFieldGet(this, _Channel_nextMessageIndex, "f") + 1);
                    }
                    if (__classPrivateFieldGet(this, _Channel_nextMessageIndex, "f") === __classPrivateFieldGet(this, _Channel_messageEndIndex, "f")) {
                        this.cleanupCallback();
                    }
                }
                // Queue the message if we're not
                else {
                    // eslint-disable-next-line security/detect-object-injection
                    __classPrivateFieldGet(this, _Channel_pendingMessages, "f")[index] = message;
                }
            });
        }
        cleanupCallback() {
            window.__TAURI_INTERNALS__.unregisterCallback(this.id);
        }
        /**
         * The handler called for every message sent by the Rust side of this channel.
         *
         * Assigning a new handler replaces the previous one; messages that arrived
         * before a handler was set are not replayed, so set it (or pass it to the
         * constructor) before sending the channel to the backend.
         */
        set onmessage(handler) {
            __classPrivateFieldSet(this, _Channel_onmessage, handler);
        }
        get onmessage() {
            return __classPrivateFieldGet(this, _Channel_onmessage, "f");
        }
        [(_Channel_onmessage = new WeakMap(), _Channel_nextMessageIndex = new WeakMap(), _Channel_pendingMessages = new WeakMap(), _Channel_messageEndIndex = new WeakMap(), _Channel_instances = new WeakSet(), _Channel_deliver = function _Channel_deliver(message) {
            try {
                __classPrivateFieldGet(this, _Channel_onmessage, "f").call(this, message);
            }
            catch (error) {
                // A throwing handler must not stall the channel: the message index would
                // never advance and every later message would stay queued. Rethrow
                // asynchronously so the error is still reported as uncaught.
                queueMicrotask(() => {
                    throw error;
                });
            }
        }, SERIALIZE_TO_IPC_FN)]() {
            return `__CHANNEL__:${this.id}`;
        }
        toJSON() {
            // eslint-disable-next-line security/detect-object-injection
            return this[SERIALIZE_TO_IPC_FN]();
        }
    }
    /**
     * Sends a message to the backend.
     * @example
     * ```typescript
     * import { invoke } from '@tauri-apps/api/core';
     * await invoke('login', { user: 'tauri', password: 'poiwe3h4r5ip3yrhtew9ty' });
     * ```
     *
     * @param cmd The command name.
     * @param args The optional arguments to pass to the command.
     * @param options The request options.
     * @return A promise resolving or rejecting to the backend response.
     *
     * @since 1.0.0
     */
    async function invoke(cmd, args = {}, options) {
        return window.__TAURI_INTERNALS__.invoke(cmd, args, options);
    }

    /**
     * heirloom in the pages of a Tauri app. Start with {@link ready}: it waits for the migration, and
     * only then may the app read its data.
     *
     * @module
     */
    class HeirloomError extends Error {
        constructor(failure) {
            super(failure.message);
            const { message: _, ...rest } = failure;
            Object.assign(this, rest);
            this.name = failure.interrupted ? 'AbortError' : 'HeirloomError';
        }
    }
    const NAMED_BY_DATA = { columns: true, rows: true };
    function camel(value) {
        if (Array.isArray(value))
            return value.map(camel);
        if (value === null || typeof value !== 'object')
            return value;
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => {
            const isData = key in NAMED_BY_DATA && !Array.isArray(inner);
            return [key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), isData ? inner : camel(inner)];
        }));
    }
    async function call(command, given = {}) {
        try {
            return camel(await invoke(`plugin:heirloom|${command}`, given));
        }
        catch (failure) {
            // A refused permission is a text of Tauri's own.
            if (failure === null || typeof failure !== 'object')
                throw failure;
            throw new HeirloomError(camel(failure));
        }
    }
    function channel(onEvent) {
        const channel = new Channel();
        channel.onmessage = (event) => onEvent?.(camel(event));
        return channel;
    }
    /**
     * Waits until the migration of the start is over, however long ago that was.
     *
     * @throws HeirloomError if it failed: `kind` is `database-newer` for the dialog of an older app,
     * `locked` if another copy of the app is at work; {@link migrate} tries again.
     */
    function ready(onEvent) {
        return call('ready', { onEvent: channel(onEvent) });
    }
    /** Migrates as the start of the app does: for a button "Try again". */
    function migrate(onEvent) {
        return call('migrate', { onEvent: channel(onEvent) });
    }
    /** Ends what is under way: everything is rolled back, and its promise is rejected as `AbortError`. */
    function cancel() {
        return call('cancel');
    }
    /** How the database stands to the migrations of the app. */
    function status() {
        return call('status');
    }
    /** What the next migration would do. */
    function plan() {
        return call('plan');
    }
    /** Every automatic backup and snapshot, the newest first. */
    function backups(verify = 'digest') {
        return call('backups', { verify });
    }
    /** What {@link restore} would do, for the question before it. */
    function planRestore(backup) {
        return call('plan_restore', { backup });
    }
    /** What an older app can offer over a newer database. */
    function downgradeOptions() {
        return call('downgrade_options');
    }
    /** Everything that can be wrong with the database and around it. */
    function doctor() {
        return call('doctor');
    }
    /** Every run, revert, restore and snapshot, the newest first. */
    function log() {
        return call('log');
    }
    /** Rows and bytes, table by table. */
    function stats() {
        return call('stats');
    }
    /** The schema, or one table or view of it. */
    function inspect(table) {
        return call('inspect', { table });
    }
    /** What differs between two states, by rows. */
    function compare(from, to = 'live') {
        const state = (of) => (of === 'live' ? of : { backup: of });
        return call('compare', { from: state(from), to: state(to) });
    }
    /** Takes a backup with a name. Permission: `heirloom:snapshots`. */
    function snapshot(name) {
        return call('snapshot', { name });
    }
    /**
     * Restores a backup, after a backup of what is there (`replaced` of the report; restoring that one
     * undoes it), and migrates it. Close the database in tauri-plugin-sql before. Permission:
     * `heirloom:restore`.
     */
    function restore(backup, options = {}) {
        return call('restore', { backup, keepNewer: options.keepNewer ?? false, onEvent: channel(options.onEvent) });
    }
    /** Reverts the migrations that this app does not know. Permission: `heirloom:downgrade`. */
    function revertToKnown(onEvent) {
        return call('revert_to_known', { onEvent: channel(onEvent) });
    }
    /** Whether the newer database may be opened as it is; rejects if not. Permission: `heirloom:downgrade`. */
    function openAnyway() {
        return call('open_anyway');
    }

    exports.HeirloomError = HeirloomError;
    exports.backups = backups;
    exports.cancel = cancel;
    exports.compare = compare;
    exports.doctor = doctor;
    exports.downgradeOptions = downgradeOptions;
    exports.inspect = inspect;
    exports.log = log;
    exports.migrate = migrate;
    exports.openAnyway = openAnyway;
    exports.plan = plan;
    exports.planRestore = planRestore;
    exports.ready = ready;
    exports.restore = restore;
    exports.revertToKnown = revertToKnown;
    exports.snapshot = snapshot;
    exports.stats = stats;
    exports.status = status;

    return exports;

})({});
Object.defineProperty(window.__TAURI__, 'heirloom', { value: __TAURI_PLUGIN_HEIRLOOM__ }) }
