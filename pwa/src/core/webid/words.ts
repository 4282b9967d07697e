/** The twelve words that two friends read to each other to know that nobody stands between them. */

import { join, sha256, utf8 } from "../bytes.ts";
import type { Label } from "./key.ts";

/** One word for each byte. No two begin with the same three letters, and none becomes another by one slip. */
export const list: readonly string[] = `
acorn actor album amber apple april arrow atlas autumn award axle bacon baker bamboo banana barn
beach bell berry bird bonus boot bottle bowl bread brick broom brush bucket butter cabin cactus
candle carpet castle cedar chalk cherry circus citrus cliff clock coast cobalt comet copper coral
cotton cradle crown cube daisy dawn deer denim desert dinner donkey door dragon drum duck dust eagle
echo eight elbow fabric falcon family farm fiddle field figure finger fish flag flower flute fossil
frame friday frog galaxy garden gate ghost glass globe goat gold grape green guitar hammer hazel
helmet herb hill honey hook horse hotel igloo indigo iron island jacket jaguar jazz jelly jigsaw
judge juice jungle kayak kettle king kite knot koala label ladder lamp lasso lava leaf lentil letter
lily lion lizard locket lunch mango maple marble mask medal melon meteor mirror month moon moss
motor muffin museum napkin nature nest ninja noodle north novel number nutmeg oasis olive onion opal
opera orbit orchid otter oven paddle page paint palace paper parrot pearl pebble pepper piano picnic
pigeon pine pirate planet plum pond poppy potato prince puzzle quail queen quilt radio raft rain
ribbon rice river robin rope ruby sail salad saturn scarf school seal seven shadow sheep ship silver
skate snow sock spark spider spoon spring steam stone straw sugar swan swing table teapot tennis
thread thumb tiger tomato torch towel tree tunnel turtle twig uncle vase velvet video violin voice
waffle wagon walnut wave whale wheat wind wood yacht yard yellow zebra zero zigzag
`
  .trim()
  .split(/\s+/);

/** twelveWords returns what both see alike, whichever of the two asks. */
export async function twelveWords(one: Label, other: Label): Promise<readonly string[]> {
  const sum = await sha256(join(...["kith words 1", ...[one, other].sort()].map(utf8)));
  return Array.from(sum.subarray(0, 12), (byte) => list[byte] ?? "");
}
