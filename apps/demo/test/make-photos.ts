import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";

const FORMATS = ["jpg", "png", "webp"] as const;

/**
 * Writes landscapes in mixed formats, the same bytes each time. Returns their names. Each picture differs from the
 * others, so that a mix-up of two results is noticed.
 */
export async function makePhotos(
  folder: string,
  count: number,
  { width = 640, height = 480 }: { width?: number; height?: number } = {},
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const names: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const format = FORMATS[index % FORMATS.length] ?? "jpg";
    const name = `photo-${String(index + 1).padStart(3, "0")}.${format}`;
    const picture = sharp(Buffer.from(landscape(index, width, height)));
    await writeFile(join(folder, name), await encode(picture, format));
    names.push(name);
  }
  return names;
}

/** Writes a photo that is cut short: readable headers, unreadable picture. Returns its name. */
export async function makeTruncatedPhoto(folder: string, name = "broken.jpg"): Promise<string> {
  await mkdir(folder, { recursive: true });
  const whole = await sharp(Buffer.from(landscape(99, 640, 480)))
    .jpeg()
    .toBuffer();
  await writeFile(join(folder, name), whole.subarray(0, Math.floor(whole.length * 0.4)));
  return name;
}

function encode(picture: Sharp, format: (typeof FORMATS)[number]): Promise<Buffer> {
  if (format === "png") return picture.png({ compressionLevel: 3 }).toBuffer();
  return format === "webp" ? picture.webp({ effort: 1 }).toBuffer() : picture.jpeg({ quality: 88 }).toBuffer();
}

/** Sky, sun and three rows of hills; every number follows from `index`. */
function landscape(index: number, width: number, height: number): string {
  const hue = (index * 47) % 360;
  const sunX = width * (0.15 + 0.7 * (((index * 37) % 100) / 100));
  const hills = [0.55, 0.68, 0.82].map((level, row) => {
    const points: string[] = [];
    for (let x = 0; x <= width; x += width / 16) {
      const swell =
        Math.sin((x / width) * (4 + row * 2) + index * 1.7 + row) * 0.06 + Math.sin((x / width) * 13 + index) * 0.02;
      points.push(`${x.toFixed(1)},${(height * (level + swell)).toFixed(1)}`);
    }
    const color = `hsl(${(hue + 150 + row * 12) % 360} ${32 + row * 6}% ${48 - row * 13}%)`;
    return `<polygon fill="${color}" points="0,${height} ${points.join(" ")} ${width},${height}"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="hsl(${hue} 62% 62%)"/><stop offset="1" stop-color="hsl(${(hue + 40) % 360} 78% 86%)"/>
    </linearGradient></defs>
    <rect width="${width}" height="${height}" fill="url(#sky)"/>
    <circle cx="${sunX}" cy="${height * 0.3}" r="${height * 0.09}" fill="#fffdf0" opacity="0.9"/>
    ${hills.join("")}
  </svg>`;
}
