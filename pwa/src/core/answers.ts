/** What the page loads to answer: all of it. The service worker has it as two scripts (worker/answer.ts, worker/taking.ts). */

export { answeringFor } from "./answer.ts";
export { pollLine } from "./relay/poll.ts";
export { takingFor } from "./taking.ts";
