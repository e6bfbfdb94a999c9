// Crashes Node below JavaScript frames: an abort in the fatal-error path, deep in user functions.
function settle(order) { process.abort(); }
function handle(request) { return settle(request.order); }
[{ order: 1 }].forEach((request) => handle(request));
