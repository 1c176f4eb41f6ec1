/**
 * Who awaits whom can be read from stack traces in V8. JavaScriptCore leaves out names that were computed, and each queue's
 * worker has such a name; there a queue knows its own handlers until their first await, and not after it.
 */
export const tellsWhoAwaits: boolean = process.versions['bun'] === undefined
