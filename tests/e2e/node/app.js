'use strict';
// Dies in the way that is named, eight or so JavaScript frames deep: node app.js KIND [LOG]

const inquest = require('inquest');
const { Worker, isMainThread, workerData } = require('worker_threads');

const [kind, log] = isMainThread ? process.argv.slice(2) : [workerData.kind, workerData.log];

const ways = {
  segv: () => inquest.causeSegfault(),
  bus: () => inquest.causeBusError(),
  ill: () => inquest.causeIllegalInstruction(),
  fpe: () => inquest.causeDivisionByZero(),
  overflow: () => inquest.causeStackOverflow(),
  raised: () => inquest.causeAbort(),
  abort: () => process.abort(),
  kill: () => process.kill(process.pid, 'SIGSEGV'),
  pool: () => require('./other.node').pool(),
  jump: () => require('./other.node').jump(),
  keptOut() {
    console.error(`ranges ${require('./other.node').keepHeapOut()}`);
    inquest.causeSegfault();
  },
  badTrace() {
    Error.prepareStackTrace = () => require('./other.node').jump();
    inquest.causeSegfault();
  },
  none: () => {},
  recursion: function deeper(n = 60) {
    if (n === 0) inquest.causeSegfault();
    deeper(n - 1);
  },
  // What a program survives must stay survived.
  wasm() {
    // (func (export "load") (param i32) (result i32) (i32.load (local.get 0))) over one page of memory
    const bytes = [
      0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 8, 1, 4, 108, 111, 97, 100,
      0, 0, 10, 9, 1, 7, 0, 32, 0, 40, 2, 0, 11,
    ];
    const { load } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports;
    let caught = 0;
    for (let i = 0; i < 1000; i += 1) {
      try {
        load(0x7ffffff0);
      } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError)) throw error;
        caught += 1;
      }
    }
    console.log(`caught ${caught}`);
  },
  wasmThenCrash() {
    ways.wasm();
    inquest.causeSegfault();
  },
  stackError() {
    const forever = () => forever() + 1;
    try {
      forever();
    } catch (error) {
      console.log(error.constructor.name);
    }
  },
  memory() {
    const kept = [];
    for (;;) kept.push(new Array(1000).fill(kept.length));
  },
  hot() {
    // Long enough for every tier of the compiler.
    const work = (n) => (n < 0 ? inquest.causeSegfault() : n * 2);
    let sum = 0;
    for (let i = 0; i < 3e6; i += 1) sum += work(i);
    work(-1);
    console.log(sum);
  },
};

function expected() {
  // Where the stack of the crash must agree with the engine's own words: the same frames, one column apart.
  process.stdout.write(new Error('here').stack.split('\n').slice(1).join('\n') + '\n');
}

function service() {
  expected();
  ways[kind]();
}

class Shop {
  order() {
    service();
  }
}

async function main() {
  await null;
  new Shop().order();
}

if (process.env.OTHER) require('./other.node').handle();

const options = { stackTimeout: 2500, callbackTimeout: 2500, stderr: process.env.QUIET !== '1' };
const callbacks = {
  write: (signal, address, stack, javascript) =>
    require('fs').writeSync(2, `callback ${JSON.stringify({ signal, address, stack, javascript })}\n`),
  // Enough garbage to be collected, by an engine whose other threads are not there.
  collects: () => {
    let last = null;
    for (let i = 0; i < 1e6; i += 1) last = { last: i % 100 ? last : null, i };
    require('fs').writeSync(2, `collected ${last.i}\n`);
  },
  throws: () => {
    throw new Error('from the callback');
  },
  hangs: () => {
    for (;;);
  },
};
const callback = callbacks[process.env.CALLBACK];

if (process.env.WHERE === 'worker' && isMainThread) {
  if (process.env.REGISTER !== 'preload') inquest.registerHandler(log, options);
  new Worker(__filename, { workerData: { kind, log }, argv: [] });
} else {
  if (process.env.REGISTER === 'preload' || process.env.REGISTER === 'main') {
    // Not here: it was preloaded, or is to be known to the main thread only.
  } else if (isMainThread) {
    inquest.registerHandler(log, callback, options);
  } else {
    inquest.registerThread(callback);
  }
  main();
}
