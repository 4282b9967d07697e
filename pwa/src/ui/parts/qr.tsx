import { type Code, codeOf } from "../qr.ts";

/** Light modules around the code: scanners want four. */
const margin = 4;

/** LinkCode shows a link as a QR code, dark on white whatever the theme, as large as its place. */
export function LinkCode({ link, label }: { readonly link: string; readonly label: string }) {
  const code = codeOf(link);
  if (code === undefined) return null;
  const side = code.length + 2 * margin;
  return (
    <svg class="code" viewBox={`${-margin} ${-margin} ${side} ${side}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <path d={strokesOf(code)} />
    </svg>
  );
}

/** One box for each run of dark modules in a row. */
function strokesOf(code: Code): string {
  let path = "";
  code.forEach((row, y) => {
    for (let x = 0; x < row.length; x += 1) {
      if (row[x] !== true) continue;
      const start = x;
      while (row[x + 1] === true) x += 1;
      path += `M${start} ${y}h${x - start + 1}v1H${start}z`;
    }
  });
  return path;
}
