import { startWorker } from "../../src/ui/trusted.ts";
import { source } from "./worker.ts?source";

// What the page found, as JSON, for the test to read.
const worker = startWorker(source, "frame");
worker.onmessage = ({ data }: MessageEvent<unknown>) => {
  const main = document.querySelector("main");
  if (main !== null) main.textContent = JSON.stringify(data);
};
worker.postMessage("kith");
