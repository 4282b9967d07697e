/** Detector finds the text of a code in what the camera shows. */
export interface Detector {
  detect(video: HTMLVideoElement): Promise<string | undefined>;
}

interface Barcodes {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}

/** The part of the Shape Detection API that is used; TypeScript's DOM types do not have it. */
declare const BarcodeDetector: { new (options: { formats: readonly string[] }): Barcodes; getSupportedFormats(): Promise<readonly string[]> } | undefined;

/** Longest side of the pictures that are read without the browser's help. */
const side = 640;

/** detectorFor returns the browser's own detector, or else one that reads pictures of the video. */
export async function detectorFor(): Promise<Detector> {
  const own = await browsers();
  if (own !== undefined) return { detect: async (video) => (await own.detect(video))[0]?.rawValue };
  const { readCode } = await import("./reader.ts");
  const canvas = document.createElement("canvas");
  return {
    async detect(video) {
      const picture = pictureOf(video, canvas);
      return picture === undefined ? undefined : readCode(picture);
    },
  };
}

async function browsers(): Promise<Barcodes | undefined> {
  if (typeof BarcodeDetector === "undefined") return undefined;
  const formats = await BarcodeDetector.getSupportedFormats();
  return formats.includes("qr_code") ? new BarcodeDetector({ formats: ["qr_code"] }) : undefined;
}

function pictureOf(video: HTMLVideoElement, canvas: HTMLCanvasElement): ImageData | undefined {
  const { videoWidth, videoHeight } = video;
  const scale = Math.min(1, side / Math.max(videoWidth, videoHeight, 1));
  canvas.width = Math.round(videoWidth * scale);
  canvas.height = Math.round(videoHeight * scale);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null || canvas.width === 0) return undefined;
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
