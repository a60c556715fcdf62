import { uploadAlbum } from "./upload.js";

const WIDTH = 1600;
const HEIGHT = 1200;

/** Draws landscapes in the browser and uploads them as an album. */
export async function addSamples() {
  await uploadAlbum(await draw(12), "Sample landscapes");
}

/** The same with a few photos, one of which is cut short. */
export async function addBadPhoto() {
  const [whole, ...good] = await draw(4);
  const bad = { file: whole.file.slice(0, whole.file.size / 3, whole.file.type), path: "cut-short-on-purpose.jpg" };
  await uploadAlbum([...good, bad], "With one bad photo");
}

async function draw(count) {
  const files = [];
  for (let index = 0; index < count; index += 1) {
    const type = index % 3 === 1 ? "image/webp" : "image/jpeg";
    const file = await toBlob(landscape(index * 137 + Math.random() * 30), type);
    files.push({
      file,
      path: `landscape-${String(index + 1).padStart(2, "0")}.${type === "image/webp" ? "webp" : "jpg"}`,
    });
  }
  return files;
}

function landscape(hue) {
  const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const pen = canvas.getContext("2d");
  const sky = pen.createLinearGradient(0, 0, 0, HEIGHT * 0.8);
  sky.addColorStop(0, `hsl(${hue} 55% 58%)`);
  sky.addColorStop(1, `hsl(${hue + 45} 80% 88%)`);
  pen.fillStyle = sky;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.fillStyle = "rgb(255 252 238 / 90%)";
  pen.beginPath();
  pen.arc(WIDTH * (0.15 + Math.random() * 0.7), HEIGHT * (0.2 + Math.random() * 0.2), 60 + Math.random() * 60, 0, 7);
  pen.fill();
  for (let row = 0; row < 5; row += 1)
    hills(pen, row, `hsl(${hue + 130 + row * 9} ${26 + row * 6}% ${62 - row * 12}%)`);
  return canvas;
}

function hills(pen, row, color) {
  const phase = Math.random() * 10;
  pen.fillStyle = color;
  pen.beginPath();
  pen.moveTo(0, HEIGHT);
  for (let x = 0; x <= WIDTH; x += 10) {
    const wave = Math.sin((x / WIDTH) * (3 + row * 1.6) + phase) * 70 + Math.sin((x / WIDTH) * 17 + phase * 3) * 18;
    pen.lineTo(x, HEIGHT * (0.48 + row * 0.11) + wave);
  }
  pen.lineTo(WIDTH, HEIGHT);
  pen.fill();
}

function toBlob(canvas, type) {
  return new Promise((resolve) => canvas.toBlob(resolve, type, 0.9));
}
