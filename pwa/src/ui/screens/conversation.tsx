/** A post's own screen with what was said to it, who can see it, and what has to do with copies: loaded right after the first page. */

export { AudienceSheets } from "../parts/audience.tsx";
export { CopiesScreen } from "./copies.tsx";
export { DeletedScreen } from "./deleted.tsx";
export { PostScreen } from "./post.tsx";
