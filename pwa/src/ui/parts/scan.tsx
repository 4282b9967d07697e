import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../context.ts";
import type { Detector } from "../detector.ts";
import { Sheet } from "./sheet.tsx";
import { useRelayWords } from "../words/relays.ts";

/** How often a picture of the camera is looked at, in milliseconds. */
const pace = 200;

type Stage = "starting" | "looking" | "denied" | "none" | "cannot";

/** Scan reads a code with the camera. The camera is on only while this is open, and no picture is kept. */
export function Scan({ onFound, onClose }: { readonly onFound: (text: string) => void; readonly onClose: () => void }) {
  const { detector } = useApp();
  const w = useRelayWords();
  const video = useRef<HTMLVideoElement>(null);
  const [stage, setStage] = useState<Stage>("starting");
  useEffect(() => {
    const end = new AbortController();
    void scan(video.current, detector, end.signal, setStage).then((text) => { if (text !== undefined) onFound(text); });
    return () => end.abort();
  }, []);
  const words = { starting: w.scan.starting, looking: w.scan.hint, denied: w.scan.denied, none: w.scan.none, cannot: w.scan.cannot }[stage];
  return (
    <Sheet title={w.scan.title} onClose={onClose}>
      <video ref={video} class="camera" hidden={stage !== "looking"} muted playsInline />
      <p role="status">{words}</p>
    </Sheet>
  );
}

async function scan(video: HTMLVideoElement | null, load: () => Promise<Detector>, end: AbortSignal, tell: (stage: Stage) => void): Promise<string | undefined> {
  const detector = await load().catch(() => undefined);
  if (video === null || detector === undefined) return void tell("cannot");
  const stream = await cameraOf(tell);
  if (stream === undefined) return undefined;
  try {
    if (end.aborted) return undefined;
    video.srcObject = stream;
    tell("looking");
    await video.play();
    return await look(detector, video, end);
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}

async function cameraOf(tell: (stage: Stage) => void): Promise<MediaStream | undefined> {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    tell(error instanceof DOMException && error.name === "NotAllowedError" ? "denied" : "none");
    return undefined;
  }
}

async function look(detector: Detector, video: HTMLVideoElement, end: AbortSignal): Promise<string | undefined> {
  while (!end.aborted) {
    const found = await detector.detect(video);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, pace));
  }
  return undefined;
}
