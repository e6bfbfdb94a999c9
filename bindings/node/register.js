'use strict';
// For `node -r inquest/register`, NODE_OPTIONS and `bun -r`: what registerHandler() does, told by the environment.
// Preloads run in worker threads as well.

const { registerHandler, registerThread } = require('./index.js');

const { INQUEST_CRASH_LOG: file, INQUEST_CRASH_STDERR: stderr } = process.env;

try {
  // What the program has set meanwhile stays as it is when a worker starts.
  registerThread() || registerHandler(file || undefined, { file: file ? undefined : null, stderr: stderr !== '0' });
} catch (error) {
  // The program is to run all the same.
  process.emitWarning(error.message);
}
