/** What is called in a forked child of the dying process, so that it can neither save nor change it. */
export type CrashCallback = (
  signal: number,
  address: number,
  /** The native stack, a line a frame, as `backtrace_symbols(3)` writes them. */
  stack: string[],
  /** The JavaScript stack: the lines of an `Error.stack` at the crash. */
  javascript: string,
) => any;

export interface Options {
  /** `null`: no file, stderr only. */
  file?: null;
  /** `false`: nothing to stderr. */
  stderr?: boolean;
  /** Milliseconds for the JavaScript stack; 2000, at most 2500. */
  stackTimeout?: number;
  /** Milliseconds for the callback; 2000, at most 2500. */
  callbackTimeout?: number;
}

/**
 * Installs the crash handler for the process, and notes the calling thread as one that runs JavaScript. Further calls
 * change what is given.
 *
 * @param file the text is appended to; never given: `stacktrace-<seconds>-<pid>.log` in the working directory
 * @returns false where there is no native half for this platform: then nothing is installed
 * @throws when it cannot be installed
 */
export function registerHandler(file?: string | null, callback?: CrashCallback | null, options?: Options): boolean;
export function registerHandler(file?: string | null, options?: Options): boolean;
export function registerHandler(callback: CrashCallback, options?: Options): boolean;
export function registerHandler(options: Options): boolean;

/**
 * Notes the calling thread (a worker) and its callback, and changes nothing else. With `-r inquest/register` that has
 * been done.
 *
 * @returns false when no handler is installed in the process
 */
export function registerThread(callback?: CrashCallback): boolean;

/** Whether the process runs under `inquest run`, whose handler then does the work. */
export function isSupervised(): boolean;

/** Writes to address 1. */
export function causeSegfault(): void;
/** Reads a page behind the end of a mapped file. */
export function causeBusError(): void;
export function causeIllegalInstruction(): void;
export function causeDivisionByZero(): void;
/** Overflows the native stack of the calling thread. */
export function causeStackOverflow(): void;
/** Raises SIGABRT. */
export function causeAbort(): void;
