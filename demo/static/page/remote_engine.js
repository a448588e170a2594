// The engine of model/engine.js, which runs in a worker: each call is a promise.

export const openRemote = (told) => {
  const worker = new Worker(new URL("../model/worker.js", import.meta.url), { type: "module" });
  const [calls, waiting] = [new Map(), { last: 0 }];
  worker.onmessage = ({ data: { call, done, value, error, progress } }) => {
    if (progress) return told(progress);
    const { yes, no, step } = calls.get(call);
    if (!done) return step(value);
    calls.delete(call);
    if (error) no(new Error(error));
    else yes(value);
  };
  worker.onerror = ({ message }) => {
    for (const { no } of calls.values()) no(new Error(`The engine stopped: ${message ?? "its script did not load"}. Load the page again.`));
    calls.clear();
  };
  const ask = (name, given, step) => {
    const call = (waiting.last += 1);
    const answer = new Promise((yes, no) => calls.set(call, { yes, no, step }));
    worker.postMessage({ call, name, given });
    return { answer, stop: () => worker.postMessage({ stop: call }) };
  };
  const plainly = (name) => (...given) => ask(name, given).answer;
  return { open: plainly("open"), read: plainly("read"), scores: plainly("scores"), openDecoder: plainly("openDecoder"), kept: plainly("kept"), write: (given, step) => ask("write", given, step) };
};
