import { encode } from "uqr";

/** Light modules around the code: scanners want four. */
const border = 3;

/** Code shows a link as a QR code, dark on white whatever the theme, as large as its place. */
export function Code({ link, label }: { readonly link: string; readonly label: string }) {
  const { data, size } = encode(link, { ecc: "L", border });
  return (
    <svg class="code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <path d={pathOf(data)} />
    </svg>
  );
}

/** One stroke for each run of dark modules in a row. */
function pathOf(rows: readonly (readonly boolean[])[]): string {
  let path = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x += 1) {
      if (row[x] !== true) continue;
      const start = x;
      while (row[x + 1] === true) x += 1;
      path += `M${start} ${y}h${x - start + 1}v1H${start}z`;
    }
  });
  return path;
}
