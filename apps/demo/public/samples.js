const WIDTH = 1600;
const HEIGHT = 1200;

/** Draws sample landscapes in the browser. The last file is broken on purpose. */
export async function sampleFiles(count) {
  const files = [];
  for (let index = 0; index < count; index += 1) {
    const blob = await toBlob(
      landscape(index * 137 + Math.random() * 30),
      index % 3 === 1 ? "image/webp" : "image/jpeg",
    );
    const name = `landscape-${String(index + 1).padStart(2, "0")}.${blob.type === "image/webp" ? "webp" : "jpg"}`;
    files.push({ file: blob, path: name });
  }
  const whole = await toBlob(landscape(20), "image/jpeg");
  files.push({ file: whole.slice(0, whole.size / 3, "image/jpeg"), path: "cut-short-on-purpose.jpg" });
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
