/** Hues of faces: enough of them that two friends rarely look alike. */
const hues = 12;

/** Face shows a person: initials in a circle whose hue comes from their id. The name stands beside it. */
export function Face({ id, name, size = "" }: { readonly id: string; readonly name: string; readonly size?: "" | "mini" | "large" }) {
  return (
    <span class={`face face-${hueOf(id)} ${size}`} aria-hidden="true" data-initials={initialsOf(name, size === "mini" ? 1 : 2)} />
  );
}

/** Faces shows the first few of several people, one behind the other. */
export function Faces({ people, shown = 3 }: { readonly people: readonly { readonly cid: string; readonly name: string }[]; readonly shown?: number }) {
  return (
    <span class="faces" aria-hidden="true">
      {people.slice(0, shown).map((each) => <Face key={each.cid} id={each.cid} name={each.name} size="mini" />)}
    </span>
  );
}

function hueOf(id: string): number {
  let sum = 0;
  for (const each of id) sum = (sum * 31 + (each.codePointAt(0) ?? 0)) >>> 0;
  return sum % hues;
}

/** The first letters of the first and the last word, whatever the script: those that would join to a word stand apart. */
function initialsOf(name: string, most: number): string {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 && most > 1 ? [words[0], words.at(-1)] : [words[0]];
  return ends.map((word) => String.fromCodePoint(word?.codePointAt(0) ?? 63).toLocaleUpperCase()).join("\u200c");
}
