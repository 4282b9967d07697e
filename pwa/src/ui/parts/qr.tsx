import { encode } from "uqr";

/** Light modules around the code: scanners want four. */
const border = 4;

/** LinkCode shows a link as a QR code, dark on white whatever the theme, as large as its place. */
export function LinkCode({ link, label }: { readonly link: string; readonly label: string }) {
  const { data, size } = encode(link, { ecc: "L", border });
  return (
    <svg class="code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <path d={strokesOf(data)} />
    </svg>
  );
}

/** One box for each run of dark modules in a row. */
function strokesOf(code: readonly (readonly boolean[])[]): string {
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
