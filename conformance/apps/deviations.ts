/** What Community Solid Server 7.2.0 does otherwise than the tests ask, by the name of the test, with the reason. */
export const deviations: ReadonlyMap<string, string> = new Map([
  ["a session that proves no key gets nowhere", "tokens that are bound to no key are given and taken"],
  ["the profile leads to the pod", "a new profile has no pim:storage, so that the library finds no pod"],
  ["an app cannot name another issuer", "the issuer in a profile is a statement as any other"],
  ["who may append leaves a notification in the inbox, and reads none", "a new pod has no inbox"],
  ["a container is made at a URL, and only once", "If-None-Match on a container that is there is answered by 409, before the precondition is looked at"],
  ["letters of other scripts outlive a change", "after a patch the length of what is kept in memory is counted in characters, so that the answer is cut short"],
  ["a listing leaves out what the reader may not read", "a listing shows everything, and what is hidden answers 403 where what is absent answers 404"],
  ["nobody makes a resource public by accident", "everyone may be named in any access list"],
  ["a group that only its owner can read gives its members access", "groups are fetched without credentials, so that they have to be public"],
  ["the owner cannot lock themself out", "an access list of the pod's root without its owner is taken"],
  ["blank nodes are inserted by N3", "blank nodes in inserts are refused, as in Solid Protocol 0.11; the draft of 0.12 allows them"],
  ["a friend who may read hears of changes, and of none after that is over", "who may read is asked when a channel is made, not when it is used"],
  ["a change is heard by a stream over HTTP", "the channel type is not in the storage description; a link on each resource leads to it"],
]);
