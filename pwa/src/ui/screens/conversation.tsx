/** A post's own screen with what was said to it, and what has to do with copies: loaded right after the first page. */

export { CopiesScreen } from "./copies.tsx";
export { DeletedScreen } from "./deleted.tsx";
export { PostScreen } from "./post.tsx";
