import { KithError } from "../core/errors.ts";
import type { NewPicture } from "../core/kith.ts";

/** Longest sides in pixels. */
const fullSide = 2048;
const thumbSide = 480;
/** Larger files are refused before they are decoded. */
const maxBytes = 64 * 1024 * 1024;

type Canvas = OffscreenCanvas | HTMLCanvasElement;

/**
 * shrink makes a post's picture from a photo: the right way up, at most 2048 pixels wide and high, with a
 * thumbnail of at most 480, both encoded anew, so that nothing of the file but what can be seen goes on:
 * no place, no time, no camera. Errors: `picture-unreadable` (HEIC in most browsers), `picture-too-large`.
 */
export async function shrink(photo: Blob): Promise<NewPicture> {
  if (photo.size > maxBytes) throw new KithError("picture-too-large", `shrink picture: ${photo.size} bytes`);
  const image = await decode(photo);
  try {
    const full = drawn(image, image.width, image.height, fullSide);
    const thumb = drawn(full, full.width, full.height, thumbSide);
    const [large, small] = [await encode(full, 0.84), await encode(thumb, 0.8)];
    return {
      full: await bytesOf(large),
      thumb: await bytesOf(small),
      mediaType: large.type,
      width: full.width,
      height: full.height,
      thumbWidth: thumb.width,
      thumbHeight: thumb.height,
      alt: "",
    };
  } finally {
    image.close();
  }
}

async function decode(photo: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(photo, { imageOrientation: "from-image" });
  } catch (cause) {
    throw new KithError("picture-unreadable", "decode picture", { cause });
  }
}

function drawn(image: CanvasImageSource, width: number, height: number, side: number): Canvas {
  const scale = Math.min(1, side / Math.max(width, height));
  const canvas = canvasOf(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D | null;
  if (context === null) throw new KithError("picture-too-large", "draw picture: the browser gives no canvas of this size");
  // A transparent picture has to look the same on light and dark paper.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function canvasOf(width: number, height: number): Canvas {
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(width, height);
  return Object.assign(document.createElement("canvas"), { width, height });
}

/** WebP, or JPEG where the browser does not write WebP (it then answers with a PNG). */
async function encode(canvas: Canvas, quality: number): Promise<Blob> {
  const webp = await blobOf(canvas, "image/webp", quality);
  return webp.type === "image/webp" ? webp : blobOf(canvas, "image/jpeg", quality);
}

function blobOf(canvas: Canvas, type: string, quality: number): Promise<Blob> {
  if ("convertToBlob" in canvas) return canvas.convertToBlob({ type, quality });
  return new Promise((resolve, reject) => {
    const done = (blob: Blob | null): void =>
      blob === null ? reject(new KithError("picture-too-large", "encode picture: the browser gave nothing")) : resolve(blob);
    canvas.toBlob(done, type, quality);
  });
}

async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer());
}
