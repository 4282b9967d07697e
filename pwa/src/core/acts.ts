/** What the person does to their own tree. It is loaded when what is here has been shown. */

export { addCircle, changeCircle, changeFriend, removeCircle, removeFriend, tidyName } from "./pod/friends.ts";
export { editPost, makePost, removePost, showPost } from "./pod/posts.ts";
export { disconnectPod, renamePerson, startPerson } from "./sync/person.ts";
