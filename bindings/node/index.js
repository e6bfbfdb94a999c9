'use strict';
// The JavaScript half of the package: finds the native half, and reads arguments. README.md has the contract.

const path = require('path');
const { version } = require('./package.json');

// Why there is no native half here; null when there is one.
let unavailable = null;
let native = null;
try {
  native = require(`./prebuilds/${process.platform}-${process.arch}/inquest.node`);
} catch (error) {
  unavailable = error;
}

function about() {
  const { versions } = process;
  const runtime = versions.bun ? `bun ${versions.bun}` : `node ${versions.node}, v8 ${versions.v8}`;
  return `inquest ${version}, ${runtime}, ${process.platform} ${process.arch}`;
}

// Any order and number, as segfault-handler takes them: a string is the path, a function the callback.
function read(args) {
  const found = { file: undefined, callback: undefined, options: {} };
  for (const arg of args) {
    if (typeof arg === 'string') found.file = arg;
    else if (typeof arg === 'function') found.callback = arg;
    else if (typeof arg === 'object' && arg !== null) found.options = arg;
  }
  return found;
}

function milliseconds(value) {
  return Number.isFinite(value) && value > 0 ? Math.min(Math.ceil(value), 60000) : 0;
}

function check(errno) {
  if (errno !== 0) throw new Error(`inquest: the crash handler cannot be installed (errno ${errno})`);
}

const jsc = process.versions.bun ? 1 : 0;

function registerHandler(...args) {
  if (native === null) return false;
  const { file, callback, options } = read(args);
  const isNamed = Boolean(file);
  const isWanted = options.file !== null;
  const settings = {
    path: isWanted ? path.resolve(isNamed ? file : 'stacktrace-') : '',
    keepPath: isWanted && !isNamed ? 1 : 0,
    timed: isWanted && !isNamed ? 1 : 0,
    stderr: options.stderr === false ? 0 : 1,
    stackMs: milliseconds(options.stackTimeout),
    callbackMs: milliseconds(options.callbackTimeout),
    about: about(),
    jsc,
  };
  check(native.install(settings, callback));
  return true;
}

function registerThread(callback) {
  const ENOENT = 2;
  const errno = native === null ? ENOENT : native.noteThread({ jsc }, callback);
  if (errno !== ENOENT) check(errno);
  return errno === 0;
}

exports.registerThread = registerThread;
exports.registerHandler = registerHandler;
// True when the handler of `inquest run` is in this process, which then records the crash as well.
exports.isSupervised = () => native !== null && native.isGuest();

function cause(name) {
  return () => {
    if (native === null) throw new Error(`inquest: not available on this platform (${unavailable.message})`);
    native[name]();
  };
}

exports.causeSegfault = cause('causeSegfault');
exports.causeBusError = cause('causeBusError');
exports.causeIllegalInstruction = cause('causeIllegalInstruction');
exports.causeDivisionByZero = cause('causeDivisionByZero');
exports.causeStackOverflow = cause('causeStackOverflow');
exports.causeAbort = cause('causeAbort');
